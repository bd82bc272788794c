"""Kept layers that their configs cannot rebuild, and those that share variables: made otherwise, from the layer itself.

A config is a promise of the layer's class, and classes outside of Keras break it: `get_config` leaves an argument out,
has one that `__init__` does not take, or fails. Where the layer itself is in memory, as those of a base are, it need
not be believed. In this order: the config, if the layer that it makes is like the original; the arguments that the
original was made with; a copy of the original, attribute by attribute.
"""

from __future__ import annotations

import contextlib
import inspect
import types
from collections import defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from spec_compiler.backend.models.copying import CannotCopy, Copier
from spec_compiler.backend.models.differences import difference, is_of_keras, is_plain
from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.models.store import layers_by_name
from spec_compiler.backend.models.symbolic import refusal
from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.graph.layer_spec import LayerSpec


@dataclass(frozen=True)
class Originals:
    """The layers of a base by their names in its graph, those inside of nested models as `outer/inner`."""

    layers: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Any) -> Originals:
        """Those of a model, at every depth."""
        return cls(dict(layers_by_name(model)))

    @property
    def are_needed(self) -> bool:
        """Whether their configs may not say all: where one is of a class outside of Keras, or two share a variable."""
        # A nested model holds the variables of the layers inside of it, which is no sharing.
        outer = {name: layer for name, layer in self.layers.items() if "/" not in name}
        return not all(map(is_of_keras, self.layers.values())) or bool(_ties(outer))


def _ties(layers: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """For each layer that shares variables the others that hold them."""
    holders: dict[int, dict[str, None]] = defaultdict(dict)
    for name, layer in layers.items():
        for variable in getattr(layer, "variables", ()):
            holders[id(variable)][name] = None
    ties: dict[str, dict[str, None]] = defaultdict(dict)
    for names in holders.values():
        for name in names:
            ties[name].update((other, None) for other in names if other != name)
    return {name: tuple(others) for name, others in ties.items() if others}


Make = Callable[[], Any]
Ways = list[tuple[str, Make]]  # what the ledger says of a layer that is made so, nothing where its config makes it


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
            if not as_was:  # only a copy can share variables, and a copy is built already
                raise _on_another_input(spec, f"it shares variables with `{others[0]}`")
            how = f"copied with `{others[0]}`, which shares variables with it"
            return [(how, lambda: self._copy(name, keras_name))]
        ways: Ways = [("", by_config)]
        if name in self._originals:
            original = self._originals[name]
            # With other arguments it cannot be compared with the original: what Keras recorded is surer than a config.
            surer = spec.changed_by is not None and not is_of_keras(original) and original._auto_config is not None
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
        copy = self._copier.copied(original)
        copy.name = keras_name
        if name not in self.ties:
            with contextlib.suppress(CannotCopy):  # else its config stays as bad as the original's
                _say(copy, original, *_arguments(original, Copier()))
        return copy

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
        with refusal(lambda error: CannotCopy(keras_reason(error))):
            layer = type(original)(**{**arguments, **changed})
        layer.name = keras_name
        for key, value in changed.items():
            config[key] = keras.saving.serialize_keras_object(value)
        _say(layer, original, arguments, config)
        return layer

    def lost(self, spec: LayerSpec, made: Any) -> str | None:
        """What a layer that is made again, and built, has otherwise than the original; None where it is the same."""
        original = self._originals.get(spec.name)
        if not isinstance(original, keras.Layer):
            return None
        if [tuple(each.shape) for each in original.variables] != [tuple(each.shape) for each in made.variables]:
            return "so made, its variables have other shapes"
        lost = difference(original, made)
        return f"so made, it has {lost}" if lost is not None else None


def cannot_be_made(spec: LayerSpec, reasons: Sequence[str], as_was: bool) -> SpecError:
    """SC317 for a kept layer that no way makes again; `reasons` are those of the ways, in their order."""
    if not as_was:
        return _on_another_input(spec, reasons[0])
    is_changed = spec.changed_by is not None
    how = "with other arguments" if is_changed else "again"
    message = f"the kept layer `{spec.name}` of class `{spec.class_name}` cannot be made {how}"
    notes = [f"{way}: {reason}" for way, reason in zip(_WAYS, reasons, strict=False)]
    return SpecError.single(
        "SC317", message, path=_changed(spec) or ("base",), at_key=is_changed, notes=notes, help=_HELP
    )


_WAYS = ("from its config", "from its arguments", "as a copy")
_HELP = "give its class a `get_config` that returns what its `__init__` takes, or put another layer in its place"


def _on_another_input(spec: LayerSpec, reason: str) -> SpecError:
    """SC317; which edit gives it the other input the caller knows, who walks the graph."""
    message = f"the kept layer `{spec.name}` of class `{spec.class_name}` cannot be made again for another input"
    help = _HELP if "shares" not in reason else "leave its input as it is in the base, or replace it"
    return SpecError.single("SC317", message, notes=[reason], help=help)


def _changed(spec: LayerSpec) -> Path:
    """Where the spec gives the layer other arguments."""
    if spec.changed_by is None or spec.changed_by.section != "set":
        return spec.changed_by.path if spec.changed_by is not None else ()
    return (*spec.changed_by.path, "to", next(iter(spec.changed)))


def _untied(spec: LayerSpec, others: Sequence[str]) -> SpecError:
    message = f"`{spec.name}` shares variables with `{others[0]}`, which other arguments would part"
    help = f"put a new layer in its place with `replace`; `{others[0]}` then keeps the variables for itself"
    return SpecError.single("SC318", message, path=_changed(spec), at_key=True, help=help)


def _arguments(layer: Any, copier: Copier, given: Container[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a layer's `__init__` was called with, as it takes them and as a config says them.

    Those that are `given` otherwise need not be known.

    Raises:
        CannotCopy: one of them is not known.
    """
    # `Operation.__new__` (keras/src/ops/operation.py) records arguments where each of them is plain data.
    recorded = layer._auto_config.config if getattr(layer, "_auto_config", None) is not None else {}
    said = _said(layer)
    arguments: dict[str, Any] = {}
    config: dict[str, Any] = {}
    takes = inspect.signature(type(layer).__init__).parameters
    for key, parameter in list(takes.items())[1:]:
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise CannotCopy(f"its `__init__` takes `{key}` by position")
        if parameter.kind != parameter.VAR_KEYWORD and key not in given:
            arguments[key], in_config = _argument(layer, key, recorded, said, copier)
            if in_config is not _UNSAID:
                config[key] = in_config
    if _takes_any(takes):
        others = {key: value for key, value in recorded.items() if key not in arguments}
        arguments |= others
        config |= others
        for key in _OF_ANY_LAYER if isinstance(layer, keras.Layer) else ("name",):
            arguments.setdefault(key, None)
    for key in ("name", "trainable"):
        if key in arguments:
            arguments[key] = config[key] = getattr(layer, key)
    if "dtype" in arguments and hasattr(layer, "dtype_policy"):
        arguments["dtype"] = layer.dtype_policy
        config["dtype"] = keras.saving.serialize_keras_object(layer.dtype_policy)
    return arguments, config


_OF_ANY_LAYER = ("name", "trainable", "dtype")  # they may have changed since a record: the layer itself says them
_UNSAID = object()


def _argument(
    layer: Any, key: str, recorded: Mapping[str, Any], said: Mapping[str, Any], copier: Copier
) -> tuple[Any, Any]:
    """One argument as `__init__` takes it and as a config says it: what Keras recorded of it, as it does of plain ones,
    else what `get_config` says, else the attribute of its name.
    """
    if key in _OF_ANY_LAYER:
        return None, _UNSAID
    if key in recorded:
        return recorded[key], recorded[key]
    # An attribute is surer than a config, which may be the class's idea of the argument; a plain value cannot be wrong.
    if key in said and (not hasattr(layer, key) or is_plain(said[key])):
        with refusal(lambda error: CannotCopy(f"what its `get_config` says of `{key}` cannot be read")):
            return keras.saving.deserialize_keras_object(said[key]), said[key]
    if not hasattr(layer, key):
        raise CannotCopy(f"its `__init__` takes `{key}`, which the layer does not keep")
    value, in_config = copier.copied(getattr(layer, key)), _UNSAID
    with contextlib.suppress(Exception):  # what has no config is missing in the layer's as well
        in_config = keras.saving.serialize_keras_object(getattr(layer, key))
    return value, in_config


def _said(layer: Any) -> Mapping[str, Any]:
    try:
        config = layer.get_config()
    except Exception:  # the class's own code
        return {}
    return config if isinstance(config, dict) else {}


def _takes_any(takes: Mapping[str, inspect.Parameter]) -> bool:
    return any(each.kind == each.VAR_KEYWORD for each in takes.values())


def _say(layer: Any, original: Any, arguments: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Lets the layer's config be the arguments that it was made with, where the class then makes it from them."""

    def get_config(self: Any) -> dict[str, Any]:
        return {**config, **{key: getattr(self, key) for key in ("name", "trainable") if key in arguments}}

    try:  # only a config that makes a layer is better than none: a saved result is read by it
        type(original).from_config(get_config(layer))
    except Exception:  # the class's own code: its config stays as it is
        return
    layer.get_config = types.MethodType(get_config, layer)
