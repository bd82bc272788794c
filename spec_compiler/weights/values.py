"""The values of a base for recipes: arrays by their place, with their checksums, and choices, each made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from spec_compiler.graph.adapter import Choice, Sliceable
from spec_compiler.graph.layer_spec import Place
from spec_compiler.weights.checksum import Array, checksum
from spec_compiler.weights.sources import OpenSource
from spec_compiler.weights.stretches import PIECE, Unread


class Decided:
    """Choices, each made once, by whatever values there are."""

    def __init__(self) -> None:
        self._decided: dict[int, tuple[Choice, Any]] = {}

    def decided(self, choice: Choice) -> Any:
        """As `Values.decided`."""
        known = self._decided.get(id(choice))  # the choice is held, so that no other can have its id
        if known is None:
            known = self._decided[id(choice)] = (choice, choice.decide(self))  # type: ignore[arg-type]  # in what is one
        return known[1]


_HELD = 64 << 20  # bytes: every kernel of VGG16's convolutions, which `prune` first ranks and then slices


class SourceValues(Decided):
    """Those of an open source, while a result is filled.

    `initial_of` is what the initializer of the variable that is filled gives for a shape. What a choice reads a recipe
    mostly reads next: arrays are held until then, as many as are within a bound.
    """

    def __init__(self, source: OpenSource) -> None:
        super().__init__()
        self.source = source
        self.checksums: dict[Place, str] = {}
        self.initial_of: Callable[[tuple[int, ...]], Array] = _unknown
        self._held: dict[Place, Array] = {}
        self._is_choosing = False

    def decided(self, choice: Choice) -> Any:
        """As `Values.decided`."""
        before, self._is_choosing = self._is_choosing, True
        try:
            return super().decided(choice)
        finally:
            self._is_choosing = before

    def read(self, place: Place) -> Array:
        """As `Values.read`."""
        held = self._held.get(place) if self._is_choosing else self._held.pop(place, None)
        if held is not None:
            return held
        array = self.source.array(place)
        if place not in self.checksums:
            self.checksums[place] = checksum(array)
        if self._is_choosing and array.nbytes + sum(each.nbytes for each in self._held.values()) <= _HELD:
            self._held[place] = array
        return array

    def unread(self, place: Place) -> Sliceable:
        """As `Values.unread`: a large array stays in its file."""
        stretch = self.source.stretch(place) if place not in self._held else None
        if (
            stretch is None or stretch.size <= PIECE or stretch.dtype.kind == "V"
        ):  # bfloat16, which the file does not know
            return self.read(place)
        return Unread(stretch, partial(self._was_read, place))

    def _was_read(self, place: Place, checksum: str) -> None:
        self.checksums[place] = checksum

    def has(self, place: Place) -> bool:
        """As `Values.has`."""
        return self.source.origin(place) is not None

    def initial(self, shape: tuple[int, ...]) -> Array:
        """As `Values.initial`."""
        return self.initial_of(shape)


def _unknown(shape: tuple[int, ...]) -> Array:
    raise LookupError("nobody knows the initializer")
