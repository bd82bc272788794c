"""What callbacks remember between epochs, as a checkpoint can hold it: plain data and arrays, no code."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

Array = np.ndarray[Any, Any]

_DEEPEST = 50
# What `fit` sets itself, or a callback of Keras's has from its model.
_OF_FIT = ("_model", "model", "params", "validation_data", "best_weights")


def numbers_of(callback: Any) -> dict[str, Any]:
    """The numbers that a callback has, such as how long it has waited."""
    return {
        key: _plain_number(value)
        for key, value in vars(callback).items()
        if value is None or isinstance(value, bool | int | float | np.number)
    }


def data_of(callback: Any) -> dict[str, Any]:
    """Each attribute of a callback of somebody's own that JSON can hold as it is: texts, lists, mappings; copied."""
    if _is_of_keras(callback):
        return {}  # they hold places of files, which stay what the spec says
    attributes = [(key, value) for key, value in vars(callback).items() if key not in _OF_FIT]
    return {
        key: copy.deepcopy(value)
        for key, value in attributes
        if isinstance(value, str | list | dict) and _is_plain(value)
    }


def arrays_of(callback: Any) -> dict[str, Array]:
    """The arrays of a callback of somebody's own."""
    if _is_of_keras(callback):
        return {}
    attributes = vars(callback).items()
    return {key: value for key, value in attributes if isinstance(value, np.ndarray) and value.dtype != object}


def forgotten_of(callback: Any) -> list[str]:
    """The attributes of a callback of somebody's own that no checkpoint can hold, less what is code or Keras's."""
    if _is_of_keras(callback):
        return []
    held = {*numbers_of(callback), *data_of(callback), *arrays_of(callback), *_OF_FIT}
    return [
        key
        for key, value in vars(callback).items()
        if key not in held and not isinstance(value, type | Callable | keras.Layer | keras.Variable)
    ]


def changed(now: Mapping[str, Any], fresh: Mapping[str, Any]) -> dict[str, Any]:
    """The data that is not as it was when the callback was made: its arguments stay what the spec says."""
    return {key: value for key, value in now.items() if key not in fresh or fresh[key] != value}


def _is_of_keras(callback: Any) -> bool:
    return type(callback).__module__.partition(".")[0] == "keras"


def _plain_number(value: Any) -> Any:
    return float(value) if isinstance(value, np.floating) else int(value) if isinstance(value, np.integer) else value


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Whether a value comes back from JSON as what it was: no tuple, and texts alone as keys."""
    if depth > _DEEPEST:  # or it holds itself
        return False
    if type(value) is list:
        return all(_is_plain(each, depth + 1) for each in value)
    if type(value) is dict:
        return all(type(key) is str and _is_plain(each, depth + 1) for key, each in value.items())
    return value is None or type(value) in (bool, int, float, str)
