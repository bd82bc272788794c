"""What a layer that was made again has otherwise than the original, as far as plain values and arrays tell."""

from __future__ import annotations

import functools
import math
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.models.store import parts
from spec_compiler.backend.models.symbolic import symbolic

_PLAIN = (str, bytes, int, float, complex, bool, type(None))


def difference(original: Any, made: Any) -> str | None:
    """The first thing that the made layer, or a layer inside of it, has otherwise; None where all is the same."""
    left, right = parts(original), parts(made)
    if len(left) != len(right):
        return f"{len(right) - 1} layers inside, not {len(left) - 1}"
    trusted = is_of_keras(original)
    for one, other in zip(left, right, strict=True):
        where = "" if one is original else f"in its `{one.name}` "
        if type(one) is not type(other):
            return f"{where}the class `{type(other).__qualname__}`, not `{type(one).__qualname__}`"
        if getattr(one, "dtype_policy", None) is not None and one.dtype_policy.name != other.dtype_policy.name:
            return f"{where}the dtype {other.dtype_policy.name}, not {one.dtype_policy.name}"
        # That of the layer itself comes with the plan's freezing, and a frozen layer says it for all inside of it.
        if one is not original and bool(one.trainable) != bool(other.trainable) and original.trainable:
            return f"{where}`trainable` {other.trainable}, not {one.trainable}"
        if trusted:  # attributes of Keras's own classes come from their configs, and there are many of them
            continue
        for key, value in vars(one).items():
            if key.startswith("_self_") or key in _of_keras():  # the former are TensorFlow's, there once somebody asked
                continue
            if _is_data(value) and not _equal(value, vars(other).get(key, object())):
                return f"{where}`{key}` {vars(other).get(key)!r}, not {value!r}"
    return None


def is_of_keras(layer: Any) -> bool:
    """Whether it is of Keras's own classes, at every depth: what those are made with, their configs say."""
    return all(type(part).__module__.startswith("keras.") for part in parts(layer))


@functools.cache
def _of_keras() -> frozenset[str]:
    """What Keras itself keeps in layers and models: it changes with their names, their calls and their building."""
    with symbolic():
        inputs = keras.Input((1,))
        model = keras.Model(inputs, keras.layers.Identity()(inputs))
        own = (*vars(keras.layers.Layer()), *vars(keras.Sequential()), *vars(model))
    return frozenset((*own, "_metrics", "_call_context_args", "seed", "_seed"))


def is_plain(value: Any) -> bool:
    """Whether it says all that it is: a constant, or a nest of constants."""
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    return isinstance(value, _PLAIN)


def _is_data(value: Any) -> bool:
    """Whether two layers can be told apart by it: plain values, arrays, and nests of them."""
    if isinstance(value, list | tuple):
        return all(map(_is_data, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_data(each) for key, each in value.items())
    return isinstance(value, _PLAIN) or (isinstance(value, np.ndarray) and value.dtype != object)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, list | tuple):
        # also a list and a tuple: a config is JSON, which has no tuples
        return isinstance(other, list | tuple) and len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(_equal(one[k], other[k]) for k in one)
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return isinstance(other, _PLAIN) and bool(one == other)
