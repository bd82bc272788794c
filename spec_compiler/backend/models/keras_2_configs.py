"""Configs as Keras 2 wrote them, said as Keras 3 reads them; what has no such form is refused."""

from __future__ import annotations

import inspect
from typing import Any

import keras

from spec_compiler.diagnostics import SpecError

# Arguments of Keras 2 that Keras 3 refuses, each with the value that says nothing: what layers do without it.
_OF_KERAS_2 = {"time_major": False, "groups": 1, "virtual_batch_size": None, "causal": False, "noise_shape": None}
_ANY = frozenset(("fused", "implementation"))  # these chose between ways to compute the same


def leave_out_what_keras_3_lacks(config: Any) -> None:
    """Takes out, in place, arguments of Keras 2 that only say what Keras 3 does anyway."""
    if isinstance(config, dict):
        inner, cls = config.get("config"), getattr(keras.layers, str(config.get("class_name")), None)
        if isinstance(inner, dict) and isinstance(cls, type) and issubclass(cls, keras.layers.Layer):
            takes = inspect.signature(cls).parameters
            for key in (_OF_KERAS_2.keys() | _ANY) & inner.keys() - takes.keys():
                if key in _ANY or (type(inner[key]), inner[key]) == (type(_OF_KERAS_2[key]), _OF_KERAS_2[key]):
                    del inner[key]
    for each in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        leave_out_what_keras_3_lacks(each)


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


def _inputs(config: Any) -> None:
    """Gives Sequential models the input layer that Keras 2 left out: its first layer says the shape, batch included.

    Keras 3 takes that for the shape without the batch, and makes a model with one axis more.
    """
    if isinstance(config, dict):
        if config.get("class_name") == "Sequential" and isinstance(config.get("config"), list):
            config["config"] = {"name": "sequential", "layers": config["config"]}
        inner = config.get("config")
        layers = inner.get("layers") if config.get("class_name") == "Sequential" and isinstance(inner, dict) else None
        first = layers[0] if isinstance(layers, list) and layers and isinstance(layers[0], dict) else {}
        own = first.get("config")
        if layers and first.get("class_name") != "InputLayer" and isinstance(own, dict) and "batch_input_shape" in own:
            dtype = own.get("dtype") if isinstance(own.get("dtype"), str) else "float32"
            said = {"batch_input_shape": own.pop("batch_input_shape"), "dtype": dtype, "sparse": False}
            said["name"] = f"{own.get('name', 'layer')}_input"
            layers.insert(0, {"class_name": "InputLayer", "config": said})
    for each in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        _inputs(each)


def _classes(config: Any) -> None:
    """Says whose class a wrapped layer is, and what a layer does by itself in Keras 2 and not in Keras 3."""
    if isinstance(config, dict):
        inner = config.get("config")
        if isinstance(inner, dict):
            if config.get("class_name") == "GRU":
                inner.setdefault("reset_after", False)
            for key in ("activation", "recurrent_activation"):
                if inner.get(key) == "hard_sigmoid":
                    raise _another_function(str(inner.get("name")), key)
            for key in ("layer", "backward_layer", "cell", "cells"):
                for each in inner[key] if isinstance(inner.get(key), list) else [inner.get(key)]:
                    if (
                        isinstance(each, dict)
                        and "module" not in each
                        and hasattr(keras.layers, str(each.get("class_name")))
                    ):
                        each |= {"module": "keras.layers", "registered_name": None}
    for each in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        _classes(each)


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
    if isinstance(config, dict):
        inner = config.get("config")
        if config.get("class_name") == "Lambda" and isinstance(inner, dict):
            function = inner.get("function")
            if isinstance(function, str):
                inner["function"] = {"module": "builtins", "class_name": "function", "config": function}
            elif isinstance(function, list) and len(function) == 3:
                code = dict(zip(("code", "defaults", "closure"), function, strict=True))
                inner["function"] = {"class_name": "__lambda__", "config": code}
    for each in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        _functions(each)
