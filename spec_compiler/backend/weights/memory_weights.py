"""The weights of a model in memory, and its variables as arrays."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import keras
import numpy as np

from spec_compiler.backend.models.state import MemoryState
from spec_compiler.backend.models.store import layers_by_name
from spec_compiler.graph.layer_spec import Place
from spec_compiler.weights.sources import Complete
from spec_compiler.weights.state import Array, State


@dataclass(frozen=True)
class MemoryWeights(Complete):
    """The weights of a model that the caller passed."""

    model: Any

    def origin(self, place: Place) -> str | None:
        """The variable's path in the model."""
        return f"{self.model.name}:{self._variable(place).path}"

    def read(self, place: Place) -> Any:
        """The variable's value, as a tensor where that costs no memory.

        TensorFlow lets several variables hold one tensor: whoever changes a variable gets memory of its own. JAX gives
        the memory of variables that train to what it computes, whoever else holds it.
        """
        value = _tensor_of(self._variable(place))
        return value if keras.backend.backend() == "tensorflow" else as_array(value)

    def array(self, place: Place) -> Array:
        """The variable's value."""
        return as_array(self.read(place))

    def stretch(self, place: Place) -> None:
        """None: it is in no file."""

    def state(self, name: str) -> State:
        """That of the layer itself."""
        return MemoryState(self._layers[name])

    def _variable(self, place: Place) -> Any:
        return self._variables[place[0]][place[1]]

    @cached_property
    def _layers(self) -> dict[str, Any]:
        return dict(layers_by_name(self.model))  # `get_layer` makes the list of all layers for each that is asked for

    @cached_property
    def _variables(self) -> dict[str, Any]:
        return {layer.name: layer.variables for layer in self.model.layers}


@dataclass(frozen=True)
class FilledWeights(MemoryWeights):
    """The weights of a model that gets them when they are first asked for: a check asks for none."""

    fill: Callable[[], object] = tuple

    @contextlib.contextmanager
    def opened(self, places: Collection[Place] | None = None) -> Iterator[Self]:
        """Itself, filled.

        Raises:
            SpecError: whatever filling raises.
        """
        self.fill()
        yield self


def to_array(variable: Any) -> Array:
    """A variable's value as an array, without a copy where the backend allows it."""
    return as_array(_tensor_of(variable))


def _tensor_of(variable: Any) -> Any:
    value = variable.value
    return value.read_value() if hasattr(value, "read_value") else value  # TensorFlow's variables copy, tensors do not


def as_array(value: Any) -> Array:
    """A backend's tensor as an array, without a copy where the backend allows it; an array as it is."""
    try:
        return np.asarray(value)
    except (TypeError, RuntimeError):  # torch refuses tensors with a gradient, on another device, or of bfloat16
        return np.asarray(keras.ops.convert_to_numpy(value))
