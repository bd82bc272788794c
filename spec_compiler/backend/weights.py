"""Weights last: every variable of the result gets its value, and a row in the ledger that proves where it came from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

import keras
import numpy as np
import xxhash

from spec_compiler.backend.files import Array
from spec_compiler.backend.freezing import freeze, thawed
from spec_compiler.backend.symbolic import assign, initialize, is_symbolic, quick_protocols
from spec_compiler.backend.writer import Built
from spec_compiler.graph import Graph, LayerSpec, Place, VariableSpec
from spec_compiler.ledger import LedgerRow, WeightLedger


class OpenSource(Protocol):
    """Arrays of a base that can be read one by one."""

    def origin(self, place: Place) -> str | None:
        """Where the array of a place is, None where the source has none for it."""
        ...

    def read(self, place: Place) -> Array:
        """The array of a place."""
        ...


class WeightSource(Protocol):
    """Where a base's weights come from."""

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Layers of the base that the source has nothing for."""
        ...

    @property
    def unused(self) -> tuple[str, ...]:
        """Entries of the source that no layer of the base takes."""
        ...

    @property
    def fills(self) -> frozenset[str]:
        """New layers that the source has weights for."""
        ...

    def opened(self) -> AbstractContextManager[OpenSource]:
        """The source, ready to be read."""
        ...


@dataclass(frozen=True)
class MemoryWeights:
    """The weights of a model that the caller passed."""

    model: Any
    unmapped: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    fills: frozenset[str] = frozenset()

    @contextlib.contextmanager
    def opened(self) -> Iterator[MemoryWeights]:
        """Itself: the arrays are in memory."""
        yield self

    def origin(self, place: Place) -> str | None:
        """The variable's path in the model."""
        return f"{self.model.name}:{self._variable(place).path}"

    def read(self, place: Place) -> Array:
        """The variable's value."""
        return to_array(self._variable(place))

    def _variable(self, place: Place) -> Any:
        return self._variables[place[0]][place[1]]

    @cached_property
    def _variables(self) -> dict[str, Any]:
        return {layer.name: layer.variables for layer in self.model.layers}


@dataclass(frozen=True)
class NoWeights:
    """No pretrained weights: every layer is initialised."""

    unmapped: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    fills: frozenset[str] = frozenset()

    @contextlib.contextmanager
    def opened(self) -> Iterator[NoWeights]:
        """Itself: there is nothing to open."""
        yield self

    def origin(self, place: Place) -> str | None:
        """None, for every place."""
        return None

    def read(self, place: Place) -> Array:
        """Never called, as there is no origin."""
        raise LookupError(place)


@dataclass(frozen=True)
class JoinedWeights:
    """The weights of several bases, each under its name."""

    sources: Mapping[str, WeightSource]
    fills: frozenset[str] = frozenset()

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Those of every base."""
        return tuple(f"{name}/{each}" for name, source in self.sources.items() for each in source.unmapped)

    @property
    def unused(self) -> tuple[str, ...]:
        """Those of every base."""
        return tuple(f"{name}/{each}" for name, source in self.sources.items() for each in source.unused)

    @contextlib.contextmanager
    def opened(self) -> Iterator[_OpenJoined]:
        """Every source, ready to be read."""
        with contextlib.ExitStack() as stack:
            yield _OpenJoined({name: stack.enter_context(each.opened()) for name, each in self.sources.items()})


@dataclass(frozen=True)
class _OpenJoined:
    sources: Mapping[str, OpenSource]

    def origin(self, place: Place) -> str | None:
        name, _, layer = place[0].partition("/")
        return self.sources[name].origin((layer, place[1]))

    def read(self, place: Place) -> Array:
        name, _, layer = place[0].partition("/")
        return self.sources[name].read((layer, place[1]))


def transfer(base: Graph, built: Built, source: WeightSource) -> WeightLedger:
    """Fills the built model: kept variables from the source, new ones from their initializers.

    Raises:
        TransferError: a copied variable is not what the source holds, or one was left without a value.
    """
    rows: list[LedgerRow] = []
    frozen = thawed(built.model)  # a backend's variable that is made frozen could never be trained
    with source.opened() as opened, quick_protocols():
        for name, layer in built.layers.items():
            spec = built.graph.layers[name]
            if spec.kind not in ("input", "operation"):
                rows += _layer_rows(spec, layer, opened, spec.name in source.fills)
    taken = {
        spec.place(index)
        for spec in built.graph.layers.values()
        if not spec.is_new
        for index in range(len(spec.variables or ()))
    }
    for spec in base.layers.values():
        origin = built.graph.removed.get(spec.name)
        by = f"`{origin.section}`" if origin else "the spec"
        for index, variable in enumerate(spec.variables or ()):
            if spec.place(index) not in taken:
                rows.append(_row(spec, variable, "dropped", f"its layer was taken away by {by}"))
    for variable in built.model.variables:
        if is_symbolic(variable):
            raise TransferError(f"the variable {variable.path} was left without a value")
    for name, layer in built.layers.items():
        if not hasattr(layer, "trainable"):
            continue
        if not built.graph.layers[name].trainable:
            freeze(layer)
        elif not layer.trainable:
            layer.trainable = True
    for layer in frozen:  # those inside of nested models as well
        if not layer.trainable:
            freeze(layer)
    return WeightLedger(tuple(rows), sum(len(layer.variables or ()) for layer in base.layers.values()), source.unused)


class TransferError(Exception):
    """A weight that did not arrive as it left: a bug of the compiler or of Keras, never a mistake of the user."""


def _layer_rows(spec: LayerSpec, layer: Any, source: OpenSource, filled: bool) -> Iterator[LedgerRow]:
    variables = spec.variables or ()
    if len(variables) != len(layer.variables):
        raise TransferError(f"{spec.name} was built with {len(layer.variables)} variables, expected {len(variables)}")
    for index, (each, variable) in enumerate(zip(variables, layer.variables, strict=True)):
        place = spec.place(index)
        origin = None if spec.is_new and not filled else source.origin(place)
        if origin is None:
            initialize(variable)
            if spec.is_new:
                why = f"new layer, made by `{spec.origin.section}`"
            elif not each.is_weight:
                why = "state of a random generator"
            else:
                why = "the base comes without weights for it"
            yield _row(spec, each, "initialized", why, result=checksum(to_array(variable)))
            continue
        array = source.read(place)
        before = checksum(array)
        assign(variable, array)
        result = to_array(variable)
        after = checksum(result)
        why = "new layer, filled by the weight map" if spec.is_new else "kept layer"
        if result.dtype != array.dtype:
            why = f"{why}, cast from {array.dtype} to {result.dtype}"
            before_cast = checksum(array.astype(result.dtype))
            if before_cast != after:
                raise TransferError(f"{spec.name}/{each.path} differs from {origin} after the cast")
        elif before != after:
            raise TransferError(f"{spec.name}/{each.path} differs from {origin}")
        yield _row(spec, each, "copied", why, origin, before, after)


def _row(
    spec: LayerSpec,
    variable: VariableSpec,
    action: Literal["copied", "initialized", "dropped"],
    reason: str,
    origin: str | None = None,
    source: str | None = None,
    result: str | None = None,
) -> LedgerRow:
    return LedgerRow(
        layer=spec.name,
        variable=variable.path,
        action=action,
        reason=reason,
        shape=variable.shape,
        dtype=variable.dtype,
        parameters=variable.num_elements if variable.is_weight else 0,
        source=origin,
        source_checksum=source,
        result_checksum=result,
        is_new=spec.is_new,
    )


def to_array(variable: Any) -> Array:
    """A variable's value as an array, without a copy where the backend allows it."""
    value = variable.value
    if hasattr(value, "read_value"):  # TensorFlow: a tensor shares its memory, a variable copies
        value = value.read_value()
    try:
        return np.asarray(value)
    except (TypeError, RuntimeError):
        return np.asarray(keras.ops.convert_to_numpy(value))


def checksum(array: Array) -> str:
    """XXH3 of an array's bytes, 128 bits in hexadecimal; dtype and shape aside."""
    return xxhash.xxh3_128(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).hexdigest()
