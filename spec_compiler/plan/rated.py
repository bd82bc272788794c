"""Groups of variables in words: how fast they learn, whose they are, how many, and whether they decay."""

from __future__ import annotations

from collections.abc import Sequence

from spec_compiler.diagnostics.printable import printable
from spec_compiler.spec.phase import PlannedStage
from spec_compiler.spec.rates import Group

_MOST_NAMES = 3


def row(group: Group) -> tuple[str, str, str, str]:
    """By what their learning rate is multiplied, the layers, how many there are, whether they decay.

    >>> row(Group(0.1, False, ("a", "b", "c", "d"), 4, 1200))
    ('learning rate × 0.1', 'a … d, 4 layers', '4 variables, 1,200 parameters', 'no weight decay')
    """
    layers = _listed(group.layers)
    variables = f"{group.num_variables} variable{'s' if group.num_variables != 1 else ''}"
    counts = f"{variables}, {group.num_parameters:,} parameters"
    return f"learning rate × {group.times:g}", layers, counts, "weight decay" if group.decays else "no weight decay"


def unfrozen_row(stage: PlannedStage) -> tuple[str, str, str]:
    """From which epoch of its phase on which layers train as well, and how many parameters then do.

    >>> unfrozen_row(PlannedStage(3, ("a",), 1200))
    ('from epoch 3', 'a', '1,200 train')
    """
    return f"from epoch {stage.epoch}", printable(_listed(stage.layers)), f"{stage.num_trained:,} train"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= _MOST_NAMES else f"{names[0]} … {names[-1]}, {len(names)} layers"
