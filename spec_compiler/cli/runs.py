"""A plan's changes in runs: what happens alike to many layers one after another is one line, not hundreds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from spec_compiler.cli.terminal import counted
from spec_compiler.plan import Change

Kind = Literal[
    "kept", "frozen", "unfrozen", "dropped", "reshaped", "reshaped, frozen", "reshaped, unfrozen", "adapted", "single"
]

# An activation between two frozen layers is unchanged itself, but a line of its own for it would cut the run in pieces.
_GOES_ON: Mapping[Kind, tuple[Kind, ...]] = {
    "kept": ("frozen", "unfrozen"),
    "reshaped": ("reshaped, frozen", "reshaped, unfrozen"),
}
# Layers; longer runs of dropped ones, of ones with another output shape, or with other weights alone, are one line.
MOST_LISTED = 4


@dataclass(frozen=True)
class Run:
    """Changes of one kind, one after another. A `single` one is a layer that deserves a line of its own."""

    kind: Kind
    changes: tuple[Change, ...]

    @property
    def first(self) -> Change:
        """The change that the run begins with."""
        return self.changes[0]

    @property
    def last(self) -> Change:
        """The change that the run ends with."""
        return self.changes[-1]

    @property
    def num_parameters(self) -> int:
        """The parameters of its layers."""
        return sum(change.layer.num_parameters for change in self.changes)

    @property
    def count(self) -> str:
        """How many layers it has: `3 layers`."""
        return counted(len(self.changes), "layer")

    @property
    def happened(self) -> str:
        """What happens to its layers, as it goes after `count`: `dropped`."""
        shape, _, freezing = self.kind.partition(", ")
        words = {
            "kept": "unchanged",
            "reshaped": "with another output shape",
            "adapted": "with adapted weights",
        }.get(shape, shape)
        return f"{words}{freezing and f', {freezing}'}"


def runs(changes: Sequence[Change]) -> Iterator[Run]:
    """The changes in order, in runs of one kind."""
    for kind, group in groupby(changes, key=_Kinds()):
        alike = tuple(group)
        if kind == "single" or (kind.startswith(("dropped", "reshaped", "adapted")) and len(alike) <= MOST_LISTED):
            yield from (Run("single", (change,)) for change in alike)
        else:
            yield Run(kind, alike)


class _Kinds:
    """The kind of run that a change belongs to; a layer without weights goes on with the run of the one before.

    An input does not: it begins a branch, which may be another base's.
    """

    def __init__(self) -> None:
        self.last: Kind = "single"

    def __call__(self, change: Change) -> Kind:
        kind = _kind(change)
        goes_on = not change.layer.variables and change.layer.kind != "input"
        if goes_on and self.last in _GOES_ON.get(kind, ()):
            kind = self.last
        self.last = kind
        return kind


def _kind(change: Change) -> Kind:
    if change.action == "dropped":
        return "dropped"
    if change.action == "new":
        return "single"
    match [what for what, _, _ in change.details]:
        case []:
            return "kept"
        case ["trainable"]:
            return "unfrozen" if change.layer.trainable else "frozen"
        case ["output shape"]:
            return "reshaped"
        case ["output shape", "trainable"]:
            return "reshaped, unfrozen" if change.layer.trainable else "reshaped, frozen"
        case ["weights"] | ["output shape", "weights"]:
            return "adapted"
    return "single"
