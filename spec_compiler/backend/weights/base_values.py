"""The values of a base as Keras loaded it, for recipes and equations, and others that it has for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from spec_compiler.backend.weights.memory_weights import to_array
from spec_compiler.backend.weights.walking import Array, layer_of_base
from spec_compiler.graph.layer_spec import Place
from spec_compiler.weights.values import Decided


class BaseValues(Decided):
    """The values of bases, by the prefix of their layers' names."""

    def __init__(self, models: Mapping[str, Any]) -> None:
        super().__init__()
        self._models = models
        self._originals: dict[Place, Array] = {}

    def read(self, place: Place) -> Array:
        """As `Values.read`."""
        return self._originals[place] if place in self._originals else np.array(to_array(self._variable(place)))

    def unread(self, place: Place) -> Array:
        """As `read`."""
        return self.read(place)

    def has(self, place: Place) -> bool:
        """Whether one of the bases has the variable."""
        return layer_of_base(place[0], self._models) is not None

    def initial(self, shape: tuple[int, ...]) -> Array:
        """Zeros: what nothing is promised of."""
        return np.zeros(shape, "float32")

    @contextlib.contextmanager
    def held(self, values: Mapping[Place, Array]) -> Iterator[None]:
        """Gives variables of the base other values for a while; what is read stays as it was."""
        originals = {place: self.read(place) for place in values}
        self._originals = originals
        try:
            for place, value in values.items():
                self._variable(place).assign(value)
            yield
        finally:
            for place, value in originals.items():
                self._variable(place).assign(value)
            self._originals = {}

    def _variable(self, place: Place) -> Any:
        return layer_of_base(place[0], self._models).variables[place[1]]


@contextlib.contextmanager
def rounded_otherwise(models: Iterable[Any]) -> Iterator[None]:
    """Lets the last bit of every weight be another for a while."""
    random = np.random.default_rng(0)
    originals = [(each, np.array(to_array(each))) for model in models for each in model.weights]
    try:
        for variable, value in originals:
            if value.dtype.kind == "f":
                noise = random.uniform(-1, 1, value.shape) * np.finfo(value.dtype).eps
                variable.assign((value * (1 + noise)).astype(value.dtype))
        yield
    finally:
        for variable, value in originals:
            variable.assign(value)
