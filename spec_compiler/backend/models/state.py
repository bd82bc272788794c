"""What a layer knows beside its plainly stored variables, carried over as Keras's own loading does it.

Copied variables alone do not make the same function: `Normalization` computes with tensors that it derives from its
variables when it is loaded, a lookup layer with a table that no variable holds. Keras has two methods for this,
`load_own_variables` and `load_assets`, and whatever class writes one of its own gets called here. Only classes known
to assign their variables and no more are left out, so that one that Keras adds is carried over rightly by itself.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
from keras.src.layers.convolutional.base_conv import BaseConv  # private: the base of all convolutions

from spec_compiler.backend.models.store import parts, saveables
from spec_compiler.files.whole import scratch
from spec_compiler.weights.state import Array, State, StateLost

_ASSIGN_ONLY = {
    each.load_own_variables
    for each in (keras.layers.Layer, keras.layers.Dense, keras.layers.EinsumDense, keras.layers.Embedding, BaseConv)
}
_SIMPLE = frozenset((str, int, bool, float, type(None), dict))
_CALIBRATED = ("gptq", "awq")  # quantizations in which the loading of those classes also sets a flag


@dataclass(frozen=True)
class MemoryState:
    """The state of a layer that is in memory."""

    layer: Any

    def wants(self, saveable: Any) -> bool:
        """Where its class loads itself in its own way."""
        return loads_itself(saveable)

    def restore(self, prefix: str, saveable: Any) -> Mapping[str, Array]:
        """Saves the same part of the layer in memory, and loads the fresh one from that."""
        source = self._parts.get(prefix)
        if source is None or type(source) is not type(saveable):
            raise StateLost(f"the base's layer has no `{type(saveable).__name__}` at this place")
        store: dict[str, Any] = {}
        with keras_says(), _as_they_were(source):
            source.save_own_variables(store)
            arrays = {key: np.asarray(keras.ops.convert_to_numpy(value)) for key, value in store.items()}
            saveable.load_own_variables(arrays)
        if hasattr(saveable, "load_assets"):
            with scratch() as folder, keras_says():
                source.save_assets(folder)
                saveable.load_assets(folder)
            _same_vocabulary(source, saveable)
        _same_variables(source, saveable)
        _as_derived_there(source, saveable)
        return arrays

    def values(self) -> Mapping[str, Array]:
        """The values of its untracked variables."""
        return {path: _value(variable) for path, variable in untracked(self.layer).items()}

    @cached_property
    def _parts(self) -> Mapping[str, Any]:
        return dict(saveables(self.layer))


@contextlib.contextmanager
def _as_they_were(source: Any) -> Iterator[None]:
    """Puts back what a class assigns to the base's own variables while it saves, as KerasHub's DINOV2 does."""
    before = [(variable, _value(variable)) for variable in _own(source)]
    try:
        yield
    finally:
        for variable, value in before:
            _assign(variable, value)


def _same_variables(source: Any, fresh: Any) -> None:
    """Gives the fresh part the source's variables where its class saved, or loaded, others than the source has.

    By their names, as the order may be another one.
    """
    there, here = ({each.name: each for each in _own(part)} for part in (source, fresh))
    if len(there) != len(_own(source)) or len(here) != len(_own(fresh)):
        return
    for name in there.keys() & here.keys():
        one, other = there[name], here[name]
        if one.shape == other.shape and one.dtype == other.dtype:
            _assign(other, _value(one))


def _assign(variable: Any, value: Array) -> None:
    """Assigns what is not there yet, bit by bit: two arrays with a NaN at the same place are never equal."""
    if _value(variable).tobytes() != value.tobytes():
        variable.assign(value)


def _value(variable: Any) -> Array:
    """A copy: on the CPU Keras's array may be the variable's own memory, which the next assignment changes."""
    return np.array(keras.ops.convert_to_numpy(variable))


def _own(part: Any) -> list[Any]:
    """The variables of a part of a layer that are not those of layers inside of it."""
    return [*getattr(part, "_trainable_variables", ()), *getattr(part, "_non_trainable_variables", ())]


def _as_derived_there(source: Any, fresh: Any) -> None:
    """Gives the fresh layer the tensors that the source computes with, where they are not what its variables say.

    `Normalization` whose variables were set by `set_weights` goes on with the old mean until it is saved and loaded.
    The result does what the base does: now, and once loaded.
    """
    for attribute, value in vars(source).items():
        own = vars(fresh).get(attribute)
        if _is_constant(value) and _is_constant(own) and value.shape == own.shape and value.dtype == own.dtype:
            setattr(fresh, attribute, value)  # tensors do not change, so that both may hold the same


def _is_constant(value: Any) -> bool:
    return bool(keras.ops.is_tensor(value)) and not hasattr(value, "assign")


def _same_vocabulary(source: Any, fresh: Any) -> None:
    if hasattr(source, "get_vocabulary") and source.get_vocabulary() != fresh.get_vocabulary():
        raise StateLost("its vocabulary has a term with a line break, or an empty one, which Keras's own file loses")


def loads_itself(saveable: Any) -> bool:
    """Whether Keras's loading of this object may do more than assign its variables one by one."""
    cls = type(saveable)
    if hasattr(cls, "load_assets"):
        return True
    if getattr(cls, "load_own_variables", None) in _ASSIGN_ONLY:
        return getattr(saveable, "quantization_mode", None) in _CALIBRATED
    return hasattr(cls, "load_own_variables")


def carry(layer: Any, state: State) -> Iterator[tuple[Any, Mapping[str, Array]]]:
    """Gives a fresh layer, whose variables have their values, what else it needs; each part with what was read for it.

    Raises:
        StateLost: a part cannot be given its state.
    """
    if not any(state.wants(each) for each in parts(layer)):
        return
    for prefix, saveable in saveables(layer):
        if state.wants(saveable):
            yield saveable, state.restore(prefix, saveable)


@contextlib.contextmanager
def keras_says() -> Iterator[None]:
    """Around what a layer's class does when it is saved or loaded: whatever it raises means that its state is lost.

    Raises:
        StateLost: it raised.
    """
    try:
        yield
    except Exception as error:  # code of any class, which may raise anything
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise StateLost(f"Keras says: {lines[0]}") from error


def asset_files(layer: Any) -> tuple[str, ...]:
    """The files that Keras saves for a layer beside its variables, below the layer's group: `vocabulary.txt`.

    A vocabulary that its config holds is not among them.
    """
    if not any(hasattr(each, "save_assets") for each in parts(layer)):
        return ()
    files: list[str] = []
    for prefix, saveable in saveables(layer):
        if hasattr(saveable, "save_assets"):
            with scratch() as folder:
                saveable.save_assets(folder)
                files += [f"{prefix}{name}" for name in sorted(os.listdir(folder))]
    return tuple(files)


def untracked(layer: Any) -> dict[str, Any]:
    """The Keras variables that a layer uses and does not count among its own, such as a stateful layer's `states`."""
    counted = {id(variable) for variable in layer.variables}
    variables: dict[str, Any] = {}
    for number, part in enumerate(parts(layer)):  # by number: names of parts count through a whole process
        for attribute, value in vars(part).items():
            if type(value) in _SIMPLE or attribute in _LISTED:  # most of them, and each layer of a deep net is asked
                continue
            for index, each in enumerate(keras.tree.flatten(value) if _is_nest(value) else [value]):
                if isinstance(each, keras.Variable) and id(each) not in counted:
                    counted.add(id(each))
                    variables[f"{number}/{attribute}/{index}" if number else f"{attribute}/{index}"] = each
    return variables


_LISTED = frozenset(vars(keras.layers.Layer(name="any")))  # Keras's own lists of what a layer has, all of it counted


def _is_nest(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) < 100
