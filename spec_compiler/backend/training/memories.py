"""What callbacks remember between epochs, as a checkpoint can hold it: plain data and arrays, no code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

Array = np.ndarray[Any, Any]

# What `fit` sets itself, or a callback of Keras's has from its model.
_OF_FIT = ("_model", "model", "params", "validation_data", "best_weights")


def numbers_of(callback: Any) -> dict[str, Any]:
    """The numbers that a callback has, such as how long it has waited."""
    return {
        key: _plain_number(value)
        for key, value in vars(callback).items()
        if value is None or isinstance(value, bool | int | float | np.number)
    }


def data_of(callback: Any) -> dict[str, str]:
    """Each attribute of a callback of somebody's own that is plain data, as JSON: texts, lists, mappings."""
    if _is_of_keras(callback):
        return {}  # they hold places of files, which stay what the spec says
    found = {}
    for key, value in vars(callback).items():
        if key not in _OF_FIT and isinstance(value, str | list | dict) and (text := _as_json(value)) is not None:
            found[key] = text
    return found


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


def changed(now: Mapping[str, str], fresh: Mapping[str, str]) -> dict[str, Any]:
    """The data that is not as it was when the callback was made: its arguments stay what the spec says."""
    return {key: json.loads(text) for key, text in now.items() if fresh.get(key) != text}


def _is_of_keras(callback: Any) -> bool:
    return type(callback).__module__.partition(".")[0] == "keras"


def _plain_number(value: Any) -> Any:
    return float(value) if isinstance(value, np.floating) else int(value) if isinstance(value, np.integer) else value


def _as_json(value: Any) -> str | None:
    """The value as JSON; None where it would come back as something else."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return None
    return text if _same(json.loads(text), value) else None


def _same(read: Any, value: Any) -> bool:
    if type(read) is not type(value):
        return False
    if isinstance(read, list):
        return len(read) == len(value) and all(map(_same, read, value))
    if isinstance(read, dict):
        return list(read) == list(value) and all(_same(read[key], value[key]) for key in read)
    return bool(read == value) or read != read
