"""Configs as Keras 2 wrote them, said as Keras 3 reads them; what has no such form is refused."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import keras

from spec_compiler.diagnostics import SpecError

# Arguments of Keras 2 that Keras 3 refuses, each with the value that says nothing: what layers do without it.
_OF_KERAS_2 = {"time_major": False, "groups": 1, "virtual_batch_size": None, "causal": False, "noise_shape": None}
_ANY = frozenset(("fused", "implementation"))  # these chose between ways to compute the same


def leave_out_what_keras_3_lacks(config: Any) -> None:
    """Takes out, in place, arguments of Keras 2 that only say what Keras 3 does anyway."""
    for entry in _dicts(config):
        arguments, cls = entry.get("config"), getattr(keras.layers, str(entry.get("class_name")), None)
        if isinstance(arguments, dict) and isinstance(cls, type) and issubclass(cls, keras.layers.Layer):
            takes = inspect.signature(cls).parameters
            for key in (_OF_KERAS_2.keys() | _ANY) & arguments.keys() - takes.keys():
                idle = _OF_KERAS_2.get(key)
                # by type too, as `False == 0` and `True == 1` in Python: `groups: true` is no word for one group
                if key in _ANY or (type(arguments[key]), arguments[key]) == (type(idle), idle):
                    del arguments[key]


def say_as_keras_3(config: Any, *, is_older: bool) -> None:
    """Rewrites, in place, the config of a model in legacy HDF5; `is_older`: Keras 1 or 2 wrote it.

    Raises:
        SpecError: SC502 for a function that is another one in Keras 3.
    """
    if is_older:
        _inputs(config)
        _classes(config)
    _functions(config)
    leave_out_what_keras_3_lacks(config)


def _dicts(config: Any) -> Iterator[dict[str, Any]]:
    """Every dict in a config, the outer ones first; what is changed in one is met as it then is."""
    if isinstance(config, dict):
        yield config
    for each in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        yield from _dicts(each)


def _inputs(config: Any) -> None:
    """Gives Sequential models the input layer that Keras 2 left out: its first layer says the shape, batch included.

    Keras 3 takes that for the shape without the batch, and makes a model with one axis more.
    """
    for entry in _dicts(config):
        if entry.get("class_name") != "Sequential":
            continue
        if isinstance(entry.get("config"), list):  # as early Keras 2 wrote it
            entry["config"] = {"name": "sequential", "layers": entry["config"]}
        layers: Any = entry["config"].get("layers") if isinstance(entry.get("config"), dict) else None
        first = layers[0] if isinstance(layers, list) and layers and isinstance(layers[0], dict) else {}
        arguments = first.get("config")
        if first.get("class_name") != "InputLayer" and isinstance(arguments, dict) and "batch_input_shape" in arguments:
            dtype = arguments.get("dtype") if isinstance(arguments.get("dtype"), str) else "float32"
            said = {"batch_input_shape": arguments.pop("batch_input_shape"), "dtype": dtype, "sparse": False}
            said["name"] = f"{arguments.get('name', 'layer')}_input"
            layers.insert(0, {"class_name": "InputLayer", "config": said})


def _classes(config: Any) -> None:
    """Says whose class a wrapped layer is, and what a layer does by itself in Keras 2 and not in Keras 3."""
    for entry in _dicts(config):
        arguments = entry.get("config")
        if not isinstance(arguments, dict):
            continue
        if entry.get("class_name") == "GRU":
            arguments.setdefault("reset_after", False)  # a config without it is older than it; Keras 3 would take True
        for key in ("activation", "recurrent_activation"):
            if arguments.get(key) == "hard_sigmoid":
                raise _another_function(str(arguments.get("name")), key)
        for key in ("layer", "backward_layer", "cell", "cells"):
            wrapped: Any = arguments.get(key)
            for layer in wrapped if isinstance(wrapped, list) else [wrapped]:
                is_known = isinstance(layer, dict) and hasattr(keras.layers, str(layer.get("class_name")))
                if is_known and "module" not in layer:
                    layer |= {"module": "keras.layers", "registered_name": None}


def _another_function(name: str, key: str) -> SpecError:
    return SpecError.single(
        "SC502",
        f"`{name}` has the {key} `hard_sigmoid` of Keras 2, which is another function in Keras 3",
        notes=["there it is clip(0.2x + 0.5, 0, 1), here relu6(x + 3) / 6; Keras 3 loads such a file without a word"],
        help="build the model in Python with a function that computes the former, load its weights from this file,\n"
        "and pass it as `base=`, or return it from a `python:` base",
    )


def _functions(config: Any) -> None:
    """Rewrites, in place, the functions of `Lambda` layers as Keras 2 saved them; Keras 3 takes no bare names."""
    for entry in _dicts(config):
        arguments = entry.get("config")
        if entry.get("class_name") == "Lambda" and isinstance(arguments, dict):
            function = arguments.get("function")
            if isinstance(function, str):
                arguments["function"] = {"module": "builtins", "class_name": "function", "config": function}
            elif isinstance(function, list) and len(function) == 3:
                code = dict(zip(("code", "defaults", "closure"), function, strict=True))
                arguments["function"] = {"class_name": "__lambda__", "config": code}
