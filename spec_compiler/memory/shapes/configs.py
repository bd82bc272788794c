"""Arguments as a spec writes them -> as Keras has them in a config; None for all that is not plain to see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spec_compiler.graph.plain import decoded
from spec_compiler.keras_facts import catalogue

Arguments = Mapping[str, Any]

_OBJECTS = ("activation", "initializer", "regularizer", "constraint")
_ALONG = frozenset(
    ("kernel_size", "strides", "dilation_rate", "pool_size", "size")
)  # one for all axes, or one for each
_AT_EDGES = frozenset(("padding", "cropping"))  # of layers that pad and crop, elsewhere `padding` is a word
_LISTS = frozenset(("target_shape", "dims"))
_PLAIN = (bool, int, float, str, type(None))


def as_configured(
    class_name: str, given: Arguments, template: Arguments, templates: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The arguments of a layer as its config has them. `template` is the config of one of the same class."""
    record = catalogue.class_record(class_name, "layer")
    if record is None:
        return None
    configured: dict[str, Any] = {}
    for key, value in given.items():
        if key == "name":
            continue
        if key not in template or key in ("dtype", "data_format"):
            return None
        kind = record["arguments"].get(key, {}).get("kind")
        if kind in _OBJECTS:
            made = _object(value, kind, templates)
            if made is _UNKNOWN:
                return None
        else:
            made = _value(key, value, template[key])
            if made is _UNKNOWN:
                return None
        configured[key] = made
    if "pool_size" in template and (configured.get("strides") is None) and given.keys() & {"pool_size", "strides"}:
        configured["strides"] = configured.get("pool_size", template["pool_size"])
    if class_name == "LayerNormalization" and isinstance(configured.get("axis"), int):
        configured["axis"] = [configured["axis"]]
    return configured


def demanded(class_name: str) -> set[str]:
    """The arguments of a class that have no default."""
    record = catalogue.class_record(class_name, "layer") or {"arguments": {}}
    return {key for key, each in record["arguments"].items() if each.get("required")}


_UNKNOWN: Any = object()


def _value(key: str, value: Any, like: Any) -> Any:
    if key in _ALONG and isinstance(like, tuple):
        if value is None:
            return None
        return (value,) * len(like) if type(value) is int else _numbers(value, len(like))
    if key in _AT_EDGES and isinstance(like, tuple):
        if type(value) is int:
            return ((value, value),) * len(like)
        if not isinstance(value, list | tuple) or len(value) != len(like):
            return _UNKNOWN
        pairs = tuple((each, each) if type(each) is int else _numbers(each, 2) for each in value)
        return _UNKNOWN if _UNKNOWN in pairs else pairs
    if key in _LISTS:
        return _numbers(value, None)
    if key == "factor" and isinstance(like, tuple):  # of the random layers: a number stands for a range
        lowest = 0 if like[0] == 0 else None
        return (-value if lowest is None else lowest, value) if type(value) in (int, float) else _UNKNOWN
    return value if type(value) in _PLAIN else _UNKNOWN


def _numbers(value: Any, count: int | None) -> Any:
    fits = isinstance(value, list | tuple) and all(type(each) is int for each in value)
    return tuple(value) if fits and count in (None, len(value)) else _UNKNOWN


def _object(value: Any, kind: str, templates: Mapping[str, Any]) -> Any:
    """An activation by name, an initialiser, regulariser or constraint by name or with arguments."""
    if value is None and kind != "activation":
        return None
    if value is None or isinstance(value, str):
        name = "linear" if value is None else value
        return decoded(templates[kind][name]) if name in templates[kind] else _UNKNOWN
    if kind == "activation" or not isinstance(value, Mapping) or len(value) != 1:
        return _UNKNOWN
    ((name, arguments),) = value.items()
    record = catalogue.class_record(name, kind) if isinstance(name, str) else None  # type: ignore[arg-type]
    written = templates[kind].get(name)
    if record is None or not isinstance(written, Mapping):
        return _UNKNOWN
    if not isinstance(arguments, Mapping):
        arguments = {record.get("first_argument"): arguments}
    whole = decoded(written)
    if not all(key in whole["config"] and type(each) in _PLAIN for key, each in arguments.items()):
        return _UNKNOWN
    return {**whole, "config": {**whole["config"], **arguments}}
