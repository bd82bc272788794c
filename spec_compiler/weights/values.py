"""The values of a base for recipes: arrays by their place, with their checksums, and choices, each made once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spec_compiler.graph.adapter import Choice
from spec_compiler.graph.layer_spec import Place
from spec_compiler.weights.checksum import Array, checksum
from spec_compiler.weights.sources import OpenSource


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


class SourceValues(Decided):
    """Those of an open source, while a result is filled.

    `initial_of` is what the initializer of the variable that is filled gives for a shape.
    """

    def __init__(self, source: OpenSource) -> None:
        super().__init__()
        self.source = source
        self.checksums: dict[Place, str] = {}
        self.initial_of: Callable[[tuple[int, ...]], Array] = _unknown

    def read(self, place: Place) -> Array:
        """As `Values.read`."""
        array = self.source.array(place)
        if place not in self.checksums:
            self.checksums[place] = checksum(array)
        return array

    def has(self, place: Place) -> bool:
        """As `Values.has`."""
        return self.source.origin(place) is not None

    def initial(self, shape: tuple[int, ...]) -> Array:
        """As `Values.initial`."""
        return self.initial_of(shape)


def _unknown(shape: tuple[int, ...]) -> Array:
    raise LookupError("nobody knows the initializer")
