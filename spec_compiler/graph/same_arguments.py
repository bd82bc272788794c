"""Whether a layer's argument has a value, compared as Keras does: `swish` is `silu`, `2` is `[2, 2]`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import repeat
from typing import Any

from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.catalogue import CLASS_KINDS

_ABSENT: Any = object()
_ANY_CASE = ("padding", "data_format")  # `standardize_padding` and `standardize_data_format` of Keras lower the case


def arguments_of(layer: LayerSpec) -> Mapping[str, Any]:
    """The arguments that a layer will have: those of its config, those that `set` gave it, and a new one's defaults."""
    defaults: Mapping[str, Any] = {}
    if layer.is_new and layer.kind == "layer":  # Keras writes the defaults into the configs of the base's layers
        record = catalogue.class_record(layer.class_name, "layer") or {"arguments": {}}
        defaults = {key: each["default"] for key, each in record["arguments"].items() if "default" in each}
    return {**defaults, **layer.arguments, **layer.changed}


def has_argument(layer: LayerSpec, key: str, wanted: Any) -> bool:
    """Whether a layer's argument has this value.

    >>> layer = LayerSpec("a", "Conv2D", {"config": {"strides": (2, 2), "activation": "silu"}})
    >>> has_argument(layer, "strides", 2), has_argument(layer, "activation", "swish")
    (True, True)
    """
    actual = arguments_of(layer).get(key, _ABSENT)
    if actual is _ABSENT:
        return False
    kind = catalogue.argument_kind(layer.class_name, key, "layer")
    if kind == "activation":
        return bool(_activation(actual) == _activation(wanted))
    if kind == "dtype":
        return bool(_dtype(actual) == _dtype(wanted))
    if kind in CLASS_KINDS:
        return _same_object(actual, wanted, kind)
    if key in _ANY_CASE and isinstance(actual, str) and isinstance(wanted, str):
        return bool(actual.casefold() == wanted.casefold())
    return _same(actual, wanted)


def _same(actual: Any, wanted: Any) -> bool:
    """Whether two values are the same; one number stands for a list of it, as in `strides: 2`."""
    if isinstance(actual, list | tuple) or isinstance(wanted, list | tuple):
        lefts = actual if isinstance(actual, list | tuple) else [actual] * len(wanted)
        rights = wanted if isinstance(wanted, list | tuple) else [wanted] * len(lefts)
        return len(lefts) == len(rights) and all(map(_same, lefts, rights))
    if isinstance(actual, Mapping) and "class_name" in actual and isinstance(wanted, str):
        return wanted in (actual["class_name"], actual.get("config"))
    if isinstance(actual, Mapping) and isinstance(wanted, Mapping):
        return actual.keys() == wanted.keys() and all(_same(actual[key], wanted[key]) for key in actual)
    if isinstance(actual, bool) or isinstance(wanted, bool) or actual is None or wanted is None:
        return actual is wanted
    if isinstance(actual, float) or isinstance(wanted, float):
        numbers = isinstance(actual, int | float) and isinstance(wanted, int | float)
        return numbers and math.isclose(actual, wanted, rel_tol=1e-6)  # Keras keeps some as float32
    return bool(actual == wanted)


def _activation(value: Any) -> Any:
    """The activation's own name: `silu` for `swish`, and `linear` where there is none."""
    if isinstance(value, Mapping):  # a function as Keras writes it, or an object
        value = value.get("config") if isinstance(value.get("config"), str) else value.get("class_name")
    if not isinstance(value, str):
        return "linear" if value is None else value
    return catalogue.catalogue()["activations"].get(value, {}).get("alias_of", value)


def _dtype(value: Any) -> Any:
    """The name of a dtype or of a policy."""
    config = value.get("config") if isinstance(value, Mapping) else None
    return config.get("name") if isinstance(config, Mapping) else value


def _same_object(actual: Any, wanted: Any, kind: Any) -> bool:
    """Whether an initializer or another object is of the class, and has the arguments that are wanted."""
    if isinstance(actual, list | tuple) and isinstance(wanted, list | tuple):
        return len(actual) == len(wanted) and all(map(_same_object, actual, wanted, repeat(kind)))
    one, other = _object(actual, kind), _object(wanted, kind)
    if one is None or other is None or one[0] != other[0]:
        return one == other
    defaults = (catalogue.class_record(one[0], kind) or {"arguments": {}})["arguments"]
    return all(_same(one[1].get(key, defaults.get(key, {}).get("default")), each) for key, each in other[1].items())


def _object(value: Any, kind: Any) -> tuple[str, Mapping[str, Any]] | None:
    """The class of an object and its arguments, from any form that it is written in; None where there is none."""
    if value is None:
        return None
    name, arguments = value, None
    if isinstance(value, Mapping):
        if "class_name" in value:
            name, arguments = value["class_name"], value.get("config")
        elif len(value) == 1:
            ((name, arguments),) = value.items()
    if not isinstance(name, str):
        return str(value), {}
    name = catalogue.own_name(name, kind)
    if arguments is not None and not isinstance(arguments, Mapping):
        first = catalogue.first_argument(name, kind)
        arguments = {first: arguments} if first is not None else {}
    return name, arguments or {}
