"""Where a base's weights and state come from: a model in memory, a file (`files`), several bases, or nowhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self

import keras
import numpy as np

from spec_compiler.backend.models.state import MemoryState, NoState, State
from spec_compiler.backend.models.store import layers_by_name
from spec_compiler.backend.weights.files import Array
from spec_compiler.graph.layer_spec import Place


class OpenSource(Protocol):
    """Arrays of a base that can be read one by one."""

    def origin(self, place: Place) -> str | None:
        """Where the array of a place is, None where the source has none for it."""

    def read(self, place: Place) -> Any:
        """The values of a place: an array that its reader may keep, or a backend's tensor, which nothing changes."""

    def state(self, name: str) -> State:
        """What a layer of the base, `outer/inner` in a nested model, knows beside its variables."""


class WeightSource(Protocol):
    """Where a base's weights come from."""

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Layers of the base that the source has nothing for."""

    @property
    def unused(self) -> tuple[str, ...]:
        """Entries of the source that no layer of the base takes."""

    @property
    def fills(self) -> frozenset[str]:
        """New layers that the source has weights for."""

    @property
    def unverified(self) -> tuple[str, ...]:
        """Files that have no checksum by which a flipped bit would be found."""

    def opened(self) -> AbstractContextManager[OpenSource]:
        """The source, ready to be read."""


class _Complete:
    """What a source that is no file says of itself: it leaves nothing out, and has nothing to spare."""

    unmapped: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    fills: frozenset[str] = frozenset()
    unverified: tuple[str, ...] = ()

    @contextlib.contextmanager
    def opened(self) -> Iterator[Self]:
        """Itself: nothing is to be opened."""
        yield self


@dataclass(frozen=True)
class MemoryWeights(_Complete):
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
    def opened(self) -> Iterator[Self]:
        """Itself, filled.

        Raises:
            SpecError: whatever filling raises.
        """
        self.fill()
        yield self


@dataclass(frozen=True)
class NoWeights(_Complete):
    """No pretrained weights: every layer is initialised."""

    def origin(self, place: Place) -> str | None:
        """None, for every place."""
        return None

    def read(self, place: Place) -> Any:
        """Never called, as there is no origin."""
        raise LookupError(place)

    def state(self, name: str) -> State:
        """None."""
        return NoState()


@dataclass(frozen=True)
class JoinedWeights:
    """The weights of several bases, each under its name."""

    sources: Mapping[str, WeightSource]
    whole: frozenset[str] = frozenset()  # bases that are one layer, which has their name
    fills: frozenset[str] = frozenset()

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Those of every base."""
        found = ((name, each) for name, source in self.sources.items() for each in source.unmapped)
        return tuple(each if name in self.whole else f"{name}/{each}" for name, each in found)

    @property
    def unused(self) -> tuple[str, ...]:
        """Those of every base."""
        return tuple(f"{name}/{each}" for name, source in self.sources.items() for each in source.unused)

    @property
    def unverified(self) -> tuple[str, ...]:
        """Those of every base."""
        return tuple(dict.fromkeys(each for source in self.sources.values() for each in source.unverified))

    @contextlib.contextmanager
    def opened(self) -> Iterator[_OpenJoined]:
        """Every source, ready to be read."""
        with contextlib.ExitStack() as stack:
            opened = {name: stack.enter_context(each.opened()) for name, each in self.sources.items()}
            yield _OpenJoined(opened, self.whole)


@dataclass(frozen=True)
class _OpenJoined:
    sources: Mapping[str, OpenSource]
    whole: frozenset[str]

    def origin(self, place: Place) -> str | None:
        source, name = self._within(place[0])
        return source.origin((name, place[1]))

    def read(self, place: Place) -> Any:
        source, name = self._within(place[0])
        return source.read((name, place[1]))

    def state(self, name: str) -> State:
        source, within = self._within(name)
        return source.state(within)

    def _within(self, name: str) -> tuple[OpenSource, str]:
        """The source of a layer, and what the layer is called there."""
        base, _, layer = name.partition("/")
        return self.sources[base], name if base in self.whole else layer


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
