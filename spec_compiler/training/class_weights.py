"""What each class counts in the loss, as Keras's `class_weight` has it: a factor for each class number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, collected, did_you_mean, quoted
from spec_compiler.spec.data_columns import ClassWeight, Weights
from spec_compiler.training.samples import Array, Series

Counts = Mapping[str, Array]  # for each output how many samples each of its classes has, or pixels


def balanced(counts: Sequence[int] | Array) -> dict[int, float]:
    """Weights in inverse proportion to how many samples a class has, as scikit-learn's `compute_class_weight`.

    >>> balanced([1, 3])
    {0: 2.0, 1: 0.6666666666666666}
    """
    here = {label: int(count) for label, count in enumerate(counts) if count}
    total = sum(here.values())
    return {label: total / (len(here) * count) for label, count in here.items()}


def counts_of(targets: Sequence[Series]) -> dict[str, Array]:
    """How many samples each class has, of the targets that have one for each sample."""
    return {
        each.name: np.bincount(each.values, minlength=len(each.class_names)) for each in targets if each.kind == "class"
    }


def class_weights(said: ClassWeight, targets: Sequence[Series], counts: Counts) -> dict[str, dict[int, float]]:
    """For each output that is meant, what each of its classes counts.

    A class that is not named counts 1, as in Keras.

    Raises:
        SpecError: SC620, paths relative to the spec.
    """
    by_name = {each.name: each for each in targets}
    able = [name for name in by_name if name in counts]
    path: Path = ("data", "class_weight")
    if said.alone is not None:
        if len(able) == 1:
            return {able[0]: _of_output(said.alone, by_name[able[0]], counts[able[0]], path)}
        if able:
            help = f"write `class_weight: {{{able[0]}: balanced}}`"
            message = f"{quoted(able)} tell classes apart, the weights are of one"
            raise SpecError.single("SC620", message, path=path, at_key=True, help=help)
        raise SpecError.single("SC620", _no_classes(targets), path=path, at_key=True, help=_OTHERWISE)
    problems: list[Diagnostic] = []
    found: dict[str, dict[int, float]] = {}
    for name, weights in said.named.items():
        if name not in by_name:
            near = did_you_mean(name, [*by_name], f"the model's outputs are {quoted(by_name)}")
            message = f"the model has no output `{name}`"
            problems.append(Diagnostic("SC620", message, (*path, name), help=near, at_key=True))
        elif name not in counts:
            message = _no_classes([by_name[name]])
            problems.append(Diagnostic("SC620", message, (*path, name), help=_OTHERWISE, at_key=True))
        else:
            with collected(problems):
                found[name] = _of_output(weights, by_name[name], counts[name], (*path, name))
    if problems:
        raise SpecError(problems)
    return found


_OTHERWISE = "leave it out; `sample_weight` says what each row of a table counts"


def _no_classes(targets: Sequence[Series]) -> str:
    several = [each.name for each in targets if each.kind == "labels"]
    if several:
        return f"`{several[0]}` has several labels for each sample, and no one class that could count more"
    return f"{quoted([each.name for each in targets])} tells no classes apart"


def _of_output(weights: Weights, series: Series, counts: Array, path: Path) -> dict[int, float]:
    if weights == "balanced":
        return balanced(counts)
    assert not isinstance(weights, str)
    names = list(series.class_names) or [str(label) for label in range(len(counts))]
    problems: list[Diagnostic] = []
    for name in weights:
        if name not in names:
            help = did_you_mean(name, names, f"the classes are {quoted(names[:12])}")
            problems.append(
                Diagnostic("SC620", f"the data has no class `{name}`", (*path, name), help=help, at_key=True)
            )
    if problems:
        raise SpecError(problems)
    found = {names.index(name): value for name, value in weights.items()}
    if not any(found.get(label, 1.0) for label in np.flatnonzero(counts).tolist()):
        message = "every class that there is counts 0, the model would learn nothing"
        raise SpecError.single("SC620", message, path=path, at_key=True, help="give a class a weight above 0")
    return found
