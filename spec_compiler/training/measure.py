"""What the best epoch of a run goes by, the same everywhere, and for callbacks that say no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from spec_compiler.diagnostics import Path
from spec_compiler.keras_facts.metric_directions import Direction
from spec_compiler.spec import Spec


class Measure(NamedTuple):
    """A number that epochs report.

    Attributes:
        name: as epochs report it.
        direction: `min` or `max`, whichever is better.
    """

    name: str
    direction: Direction = "min"

    @property
    def largest(self) -> bool:
        """Whether the largest value is the best."""
        return self.direction == "max"

    @property
    def text(self) -> str:
        """It in words.

        >>> Measure("val_accuracy", "max").text
        'the largest val_accuracy'
        """
        return f"the {'largest' if self.largest else 'smallest'} {self.name}"

    def is_better(self, value: float, than: float | None) -> bool:
        """Whether a value is better than another; a NaN never is, and everything is better than none.

        >>> Measure("val_accuracy", "max").is_better(0.9, 0.8)
        True
        """
        if value != value:
            return False
        return than is None or (value > than if self.largest else value < than)


class Said(NamedTuple):
    """A `monitor` or `mode` and where it stands."""

    path: Path
    value: str


def said_in(spec: Spec, key: str) -> Iterator[Said]:
    """Every place where `monitor` or `mode` stands."""
    if spec.fit is not None and (value := getattr(spec.fit, key)) is not None:
        yield Said(("fit", key), value)
    for index, phase in enumerate(spec.train):
        if (value := getattr(phase, key)) is not None:
            yield Said(("train", index, key), value)


def said_monitor(spec: Spec) -> Said | None:
    """The `monitor` that a spec says; there is one, which may stand at several places."""
    return next(said_in(spec, "monitor"), None)
