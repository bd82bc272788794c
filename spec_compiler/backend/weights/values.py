"""The values of a base for recipes: arrays by their place, with their checksums, and choices, each made once."""

from __future__ import annotations

from typing import Any

import numpy as np
import xxhash

from spec_compiler.backend.models.symbolic import initial_value
from spec_compiler.backend.weights.files import Array
from spec_compiler.backend.weights.sources import OpenSource, as_array
from spec_compiler.graph.adapter import Choice
from spec_compiler.graph.layer_spec import Place


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
    """Those of an open source, while a model is filled."""

    def __init__(self, source: OpenSource) -> None:
        super().__init__()
        self.source = source
        self.checksums: dict[Place, str] = {}
        self.filled: Any = None  # the variable that a recipe is for

    def read(self, place: Place) -> Array:
        """As `Values.read`."""
        array = as_array(self.source.read(place))
        if place not in self.checksums:
            self.checksums[place] = checksum(array)
        return array

    def has(self, place: Place) -> bool:
        """As `Values.has`."""
        return self.source.origin(place) is not None

    def initial(self, shape: tuple[int, ...]) -> Array:
        """As `Values.initial`."""
        initial: Array = initial_value(self.filled, shape)
        return initial


def checksum(array: Array) -> str:
    """XXH3 of an array's bytes, 128 bits in hexadecimal; dtype and shape aside."""
    # as bytes, since Python's buffers know no bfloat16; `reshape` before `view`, which a scalar has no axis for
    return xxhash.xxh3_128(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).hexdigest()
