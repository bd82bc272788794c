"""A layer's spec -> a fresh layer object: from an entry's arguments, or from the config of a layer of the base."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from spec_compiler.backend.models.allowed_configs import refuse_strangers
from spec_compiler.backend.models.arguments import deserialized, made
from spec_compiler.backend.models.copying import CannotCopy
from spec_compiler.backend.models.fit_errors import make_error
from spec_compiler.backend.models.own_code import objects_in
from spec_compiler.backend.models.rebuilding import Originals
from spec_compiler.backend.models.symbolic import refusal
from spec_compiler.diagnostics import under
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec

Factory = Callable[..., Any]  # from the layer's name, and from the arguments that `set` gives it


@dataclass(frozen=True)
class Custom:
    """What the configs of a base's layers cannot say: classes that Keras cannot find, and layers made otherwise.

    `has_lambdas`: configs may hold Python lambdas, whose code the caller has allowed to run. `originals` are the layers
    themselves.
    """

    objects: Mapping[str, Any] = field(default_factory=dict)
    factories: Mapping[str, Factory] = field(default_factory=dict)
    has_lambdas: bool = False
    originals: Originals = field(default_factory=Originals)

    def renamed(self, result: Graph) -> Custom:
        """The same, by the names that a result has for the layers."""
        if not result.renamed:
            return self
        factories = {result.renamed.get(name, name): each for name, each in self.factories.items()}
        layers = {result.renamed.get(name, name): each for name, each in self.originals.layers.items()}
        return replace(self, factories=factories, originals=Originals(layers))


def lambda_factories(model: Any) -> dict[str, Factory]:
    """How a model's Lambda layers are made again around the same function: its code need not pass through a config."""

    def again(layer: Any) -> Factory:
        own = {key: getattr(layer, key) for key in ("function", "mask", "arguments")}
        own |= {"output_shape": layer._output_shape, "dtype": layer.dtype_policy}
        return lambda name, **changed: keras.layers.Lambda(**{**own, **changed}, name=name)

    return {layer.name: again(layer) for layer in model.layers if type(layer) is keras.layers.Lambda}


def make_layer(spec: LayerSpec, custom: Custom, folder: Folder) -> Any:
    """A fresh layer object; `folder` is where the modules of the spec's functions may be.

    Raises:
        SpecError: SC403, SC202; as `own_object` for a class of the user's own.
    """
    if not spec.is_new and spec.name in custom.factories:
        return custom.factories[spec.name](spec.name_in_keras, **set_arguments(spec, folder))
    if not spec.is_new or spec.kind == "operation":  # a new operation comes with Keras's own config
        return _from_config(spec, custom, folder)
    with refusal(lambda error: make_error(error, spec)), under(*spec.origin.path, spec.class_name):
        arguments = {**deserialized(spec.class_name, spec.arguments, folder), "name": spec.name_in_keras}
        if spec.wrapped is not None:
            arguments["layer"] = make_layer(spec.wrapped, custom, folder)
        with keras.saving.custom_object_scope(dict(custom.objects)):  # `Bidirectional` makes two of its config
            return made(spec.class_name, arguments, "layer", folder)


def _from_config(spec: LayerSpec, custom: Custom, folder: Folder) -> Any:
    if "error" in spec.config:
        raise CannotCopy(spec.config["error"])
    refuse_strangers(spec.config, f"the config of `{spec.name}`")
    config: dict[str, Any] = _copied(spec.config)  # a `from_config` may empty it, that of `StackedRNNCells` does
    config["config"] = dict(config.get("config") or {})
    if "name" in config["config"]:  # an operation may take none
        config["config"]["name"] = spec.name_in_keras
    own = set_arguments(spec, folder)
    config["config"].update({key: keras.saving.serialize_keras_object(value) for key, value in own.items()})
    objects = {**custom.objects, **objects_in(own.values())}
    return keras.saving.deserialize_keras_object(config, custom_objects=objects, safe_mode=not custom.has_lambdas)


def _copied(config: Any) -> Any:
    """A config of its own; several times as quick as `deepcopy`, which remembers what it met."""
    if isinstance(config, Mapping):
        return {key: _copied(value) for key, value in config.items()}
    if type(config) in (list, tuple):
        return type(config)(map(_copied, config))
    return config if type(config) in _CONSTANT else copy.deepcopy(config)


_CONSTANT = frozenset((str, int, float, bool, type(None)))


def set_arguments(spec: LayerSpec, folder: Folder) -> dict[str, Any]:
    """The arguments that an edit gives a kept layer, as Keras takes them; none for any other.

    Raises:
        SpecError: as `deserialized`.
    """
    with under(*(spec.changed_by.path if spec.changed_by is not None else ()), "to"):
        return deserialized(spec.class_name, spec.changed, folder)
