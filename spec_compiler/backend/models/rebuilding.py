"""Kept layers that their configs cannot rebuild, and those that share variables: made otherwise, from the layer itself.

A config is a promise of the layer's class, and classes outside of Keras break it: `get_config` leaves an argument out,
has one that `__init__` does not take, or fails. Where the layer itself is in memory, as those of a base are, it need
not be believed. In this order: the config, if the layer that it makes is like the original; the arguments that the
original was made with; a copy of the original, attribute by attribute.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
import types
from collections import defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.models.copying import CannotCopy, Copier
from spec_compiler.backend.models.shapes import keras_reason
from spec_compiler.backend.models.store import layers_by_name
from spec_compiler.backend.models.symbolic import needs_weights, symbolic
from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.graph.layer_spec import LayerSpec

_PLAIN = (str, bytes, int, float, complex, bool, type(None))


@dataclass(frozen=True)
class Originals:
    """The layers of a base by their names in its graph, those inside of nested models as `outer/inner`."""

    layers: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Any) -> Originals:
        """Those of a model, at every depth."""
        return cls(dict(layers_by_name(model)))

    @classmethod
    def joined(cls, several: Mapping[str, Originals]) -> Originals:
        """Those of several bases, each under its name."""
        return cls({f"{name}/{key}": layer for name, each in several.items() for key, layer in each.layers.items()})

    @property
    def are_needed(self) -> bool:
        """Whether their configs may not say all: where one is of a class outside of Keras, or two share a variable."""
        return not all(map(_is_of_keras, self.layers.values())) or bool(
            _ties({name: layer for name, layer in self.layers.items() if "/" not in name})
        )


def _ties(layers: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    users: dict[int, list[str]] = defaultdict(list)
    for name, layer in layers.items():
        for variable in getattr(layer, "variables", ()):
            users[id(variable)].append(name)
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for names in users.values():
        for name in dict.fromkeys(names):
            found[name].update((other, None) for other in names if other != name)
    return {name: tuple(others) for name, others in found.items() if others}


Make = Callable[[], Any]
Ways = list[tuple[str, Make]]  # what the ledger says of a layer that is made so, nothing where the config makes it


class Rebuilder:
    """Makes the kept layers of one result that need the originals; what those share, the made ones share."""

    def __init__(self, originals: Originals, kept: Mapping[str, Any]) -> None:
        self._originals = {name: originals.layers[name] for name in kept if name in originals.layers}
        self.ties = _ties(self._originals)
        filled = (id(each) for layer in self._originals.values() for each in getattr(layer, "variables", ()))
        self._copier = Copier(filled)

    def ways(self, spec: LayerSpec, by_config: Make, changed: Callable[[], Mapping[str, Any]], as_was: bool) -> Ways:
        """The ways to make a kept layer, the best first; `as_was` says whether it is called on what the base has there.

        `changed` gives the arguments that the spec changes. A copy takes no others, and no other input.

        Raises:
            SpecError: SC318 for changed arguments of a layer that shares variables with another.
        """
        name, keras_name = spec.name, spec.name_in_keras
        others = self.ties.get(name)
        if others:
            if spec.changed_by is not None:
                raise _untied(spec, others)
            if not as_was:
                raise _on_another_input(spec, f"it shares variables with `{others[0]}`")
            return [
                (f"copied with `{others[0]}`, which shares variables with it", lambda: self._copy(name, keras_name))
            ]
        ways: Ways = [("", by_config)]
        if name in self._originals:
            original = self._originals[name]
            # With other arguments it cannot be compared with the original: what Keras recorded is surer than a config.
            surer = spec.changed_by is not None and not _is_of_keras(original) and original._auto_config is not None
            again = ("made from its arguments", lambda: self._again(name, keras_name, changed()))
            ways.insert(0 if surer else 1, again)
            if as_was and spec.changed_by is None:
                ways.append(("copied as it is", lambda: self._copy(name, keras_name)))
        return ways

    def _copy(self, name: str, keras_name: str) -> Any:
        """A copy of the original that shares with other copies what the originals share.

        Raises:
            CannotCopy: it holds something that only exists once.
        """
        original = self._originals[name]
        made = self._copier.copied(original)
        made.name = keras_name
        if name not in self.ties:
            with contextlib.suppress(CannotCopy):
                _say(made, original, *_arguments(original, Copier()))
        return made

    def _again(self, name: str, keras_name: str, changed: Mapping[str, Any]) -> Any:
        """The original's class called with the original's own arguments, and those that changed.

        Raises:
            CannotCopy: the arguments are not known, or the class does not take them.
        """
        original = self._originals[name]
        arguments, config = _arguments(original, self._copier, changed)
        takes = inspect.signature(type(original).__init__).parameters
        refused = next((key for key in changed if key not in takes and not _takes_any(takes)), None)
        if refused is not None:
            raise CannotCopy(f"`{type(original).__name__}` takes no `{refused}`")
        if "name" in arguments:
            arguments["name"] = keras_name
        try:
            made = type(original)(**{**arguments, **changed})
        except Exception as error:
            if needs_weights(error):
                raise
            raise CannotCopy(keras_reason(error)) from None
        made.name = keras_name
        for key, value in changed.items():
            config[key] = keras.saving.serialize_keras_object(value)
        _say(made, original, arguments, config)
        return made

    def knows(self, name: str) -> bool:
        """Whether the original of a layer is there."""
        return name in self._originals

    def lost(self, spec: LayerSpec, made: Any) -> str | None:
        """What a layer that is made again, and built, has otherwise than the original; None where it is the same."""
        original = self._originals.get(spec.name)
        if not isinstance(original, keras.Layer):
            return None
        if [tuple(each.shape) for each in original.variables] != [tuple(each.shape) for each in made.variables]:
            return "so made, its variables have other shapes"
        lost = _difference(original, made)
        return f"so made, it has {lost}" if lost is not None else None


def cannot_be_made(spec: LayerSpec, reasons: Sequence[str], as_was: bool) -> SpecError:
    """SC317 for a kept layer that no way makes again; `reasons` are those of the ways, in their order."""
    if not as_was:
        return _on_another_input(spec, reasons[0])
    how = "with other arguments" if spec.changed_by is not None else "again"
    return SpecError.single(
        "SC317",
        f"the kept layer `{spec.name}` of class `{spec.class_name}` cannot be made {how}",
        path=_changed(spec) or ("base",),
        at_key=spec.changed_by is not None,
        notes=[f"{how}: {reason}" for how, reason in zip(_WAYS, reasons, strict=False)],
        help=_HELP,
    )


_WAYS = ("from its config", "from its arguments", "as a copy")
_HELP = "give its class a `get_config` that returns what its `__init__` takes, or put another layer in its place"


def _on_another_input(spec: LayerSpec, reason: str) -> SpecError:
    """SC317; which edit gives it the other input the caller knows, who walks the graph."""
    return SpecError.single(
        "SC317",
        f"the kept layer `{spec.name}` of class `{spec.class_name}` cannot be made again for another input",
        notes=[reason],
        help=_HELP if "shares" not in reason else "leave its input as it is in the base, or replace it",
    )


def _changed(spec: LayerSpec) -> Path:
    """Where the spec gives the layer other arguments."""
    if spec.changed_by is None or spec.changed_by.section != "set":
        return spec.changed_by.path if spec.changed_by is not None else ()
    return (*spec.changed_by.path, "to", next(iter(spec.changed)))


def _untied(spec: LayerSpec, others: Sequence[str]) -> SpecError:
    return SpecError.single(
        "SC318",
        f"`{spec.name}` shares variables with `{others[0]}`, which other arguments would part",
        path=_changed(spec),
        at_key=True,
        help=f"put a new layer in its place with `replace`; `{others[0]}` then keeps the variables for itself",
    )


def _arguments(layer: Any, copier: Copier, given: Container[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a layer's `__init__` was called with, as it takes them and as a config says them.

    Keras records plain arguments; else what `get_config` says of them, else the attributes of their names. Those that
    are `given` otherwise need not be known.
    """
    recorded = layer._auto_config.config if getattr(layer, "_auto_config", None) is not None else {}
    said = _said(layer)
    arguments: dict[str, Any] = {}
    config: dict[str, Any] = {}
    takes = inspect.signature(type(layer).__init__).parameters
    for key, parameter in list(takes.items())[1:]:
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise CannotCopy(f"its `__init__` takes `{key}` by position")
        if parameter.kind == parameter.VAR_KEYWORD:
            continue
        if key not in given:
            _find(layer, key, recorded, said, copier, arguments, config)
    if _takes_any(takes):
        own = {key: value for key, value in recorded.items() if key not in arguments}
        arguments |= own
        config |= own
        for key in ("name", "trainable", "dtype") if isinstance(layer, keras.Layer) else ("name",):
            if key not in arguments:
                arguments[key] = None
    for key in ("name", "trainable"):
        if key in arguments:
            arguments[key] = config[key] = getattr(layer, key)
    if "dtype" in arguments and hasattr(layer, "dtype_policy"):
        arguments["dtype"] = layer.dtype_policy
        config["dtype"] = keras.saving.serialize_keras_object(layer.dtype_policy)
    return arguments, config


def _find(
    layer: Any,
    key: str,
    recorded: Mapping[str, Any],
    said: Mapping[str, Any],
    copier: Copier,
    arguments: dict[str, Any],
    config: dict[str, Any],
) -> None:
    if key in ("name", "trainable", "dtype"):
        arguments[key] = None
    elif key in recorded:
        arguments[key] = config[key] = recorded[key]
    elif key in said and (not hasattr(layer, key) or _is_plain(said[key])):
        config[key] = said[key]
        try:
            arguments[key] = keras.saving.deserialize_keras_object(said[key])
        except Exception as error:
            if needs_weights(error):
                raise
            raise CannotCopy(f"what its `get_config` says of `{key}` cannot be read") from None
    elif hasattr(layer, key):
        arguments[key] = copier.copied(getattr(layer, key))
        with contextlib.suppress(Exception):  # what has no config is missing in the layer's as well
            config[key] = keras.saving.serialize_keras_object(getattr(layer, key))
    else:
        raise CannotCopy(f"its `__init__` takes `{key}`, which the layer does not keep")


def _said(layer: Any) -> Mapping[str, Any]:
    try:
        config = layer.get_config()
    except Exception:  # the class's own code
        return {}
    return config if isinstance(config, dict) else {}


def _takes_any(takes: Mapping[str, inspect.Parameter]) -> bool:
    return any(each.kind == each.VAR_KEYWORD for each in takes.values())


def _say(made: Any, original: Any, arguments: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Lets the layer's config be the arguments that it was made with, where the class then makes it from them."""

    def get_config(self: Any) -> dict[str, Any]:
        return {**config, **{key: getattr(self, key) for key in ("name", "trainable") if key in arguments}}

    try:
        type(original).from_config(get_config(made))
    except Exception:  # the class's own code: its config stays as it is
        return
    made.get_config = types.MethodType(get_config, made)


def _difference(original: Any, made: Any) -> str | None:
    left, right = (list(each._flatten_layers()) for each in (original, made))
    if len(left) != len(right):
        return f"{len(right) - 1} layers inside, not {len(left) - 1}"
    trusted = _is_of_keras(original)
    for one, other in zip(left, right, strict=True):
        where = "" if one is original else f"in its `{one.name}` "
        if type(one) is not type(other):
            return f"{where}the class `{type(other).__qualname__}`, not `{type(one).__qualname__}`"
        if getattr(one, "dtype_policy", None) is not None and one.dtype_policy.name != other.dtype_policy.name:
            return f"{where}the dtype {other.dtype_policy.name}, not {one.dtype_policy.name}"
        if one is not original and bool(one.trainable) != bool(other.trainable) and original.trainable:
            return f"{where}`trainable` {other.trainable}, not {one.trainable}"
        if trusted:
            continue
        for key, value in vars(one).items():
            if key.startswith("_self_") or key in _of_keras():  # the former are TensorFlow's, there once somebody asked
                continue
            if _is_data(value) and not _equal(value, vars(other).get(key, _NOTHING)):
                return f"{where}`{key}` {vars(other).get(key)!r}, not {value!r}"
    return None


def _is_of_keras(layer: Any) -> bool:
    """Whether it is of Keras's own classes, at every depth: what those are made with, their configs say."""
    inside = layer._flatten_layers() if isinstance(layer, keras.Layer) else [layer]
    return all(type(each).__module__.startswith("keras.") for each in inside)


@functools.cache
def _of_keras() -> frozenset[str]:
    """What Keras itself keeps in layers and models: it changes with their names, their calls and their building."""
    with symbolic():
        inputs = keras.Input((1,))
        model = keras.Model(inputs, keras.layers.Identity()(inputs))
        own = (*vars(keras.layers.Layer()), *vars(keras.Sequential()), *vars(model))
    return frozenset((*own, "_metrics", "_call_context_args", "seed", "_seed"))


_NOTHING = object()


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(each) for each in value)
    return isinstance(value, _PLAIN)


def _is_data(value: Any) -> bool:
    """Whether two layers can be told apart by it: plain values, arrays, and nests of them."""
    if isinstance(value, list | tuple):
        return all(_is_data(each) for each in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_data(each) for key, each in value.items())
    return isinstance(value, _PLAIN) or (isinstance(value, np.ndarray) and value.dtype != object)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, list | tuple):
        return (
            isinstance(other, list | tuple)
            and len(one) == len(other)
            and all(_equal(a, b) for a, b in zip(one, other, strict=True))
        )
    if isinstance(one, dict):
        return (
            isinstance(other, dict) and one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
        )
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    return isinstance(other, _PLAIN) and bool(one == other)
