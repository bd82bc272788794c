"""What trains and what does not, said to Keras so that it holds for everything inside of a layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from spec_compiler.backend.models.low_rank import hold
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec


def freeze(layer: Any) -> None:
    """Freezes a layer with all that is inside of it.

    On TensorFlow nothing happens where an attribute is assigned what it is already: a layer made with
    `trainable=False`, as Keras makes it of a config, would keep inner layers that train.
    """
    layer.trainable = True
    layer.trainable = False


def unfreeze(layer: Any) -> None:
    """Makes a layer trainable with all that is inside of it."""
    layer.trainable = False
    layer.trainable = True


def thawed(model: Any) -> tuple[list[Any], list[Any]]:
    """The frozen layers and the single frozen variables of a model without values yet, all of it made trainable.

    Keras freezes a single variable too: the kernel of a layer with LoRA.
    """
    layers = list(model._flatten_layers())
    single = []
    for layer in layers:
        for variable in layer._trainable_variables:
            if layer.trainable and not variable.trainable:
                single.append(variable)
            variable.trainable = True
    return [layer for layer in layers if not layer.trainable], single


def set_trainable(layers: Mapping[str, Any], graph: Graph) -> None:
    """Lets each layer train or not, as the graph says, those inside of nested models too; `layers` are by its names."""
    states = list(_states(layers, graph))
    for layer, spec in states:  # from outside in: a model hands its own on to all inside of it
        if spec.trainable and not layer.trainable:
            unfreeze(layer)
    for layer, spec in states:  # last: what is frozen stays so, though a layer that trains holds it as well
        if not spec.trainable:
            freeze(layer)
    for layer, spec in states:
        if spec.trainable and spec.inner is None:
            hold(layer, spec)
    if graph.inference:
        for layer in layers.values():
            freeze_normalizations(layer)


def _states(layers: Mapping[str, Any], graph: Graph) -> Iterator[tuple[Any, LayerSpec]]:
    for name, spec in graph.layers.items():
        if not hasattr(layers.get(name), "trainable"):  # a plain operation
            continue
        yield layers[name], spec
        if spec.inner is not None and spec.trainable:
            yield from _states(layers_of(layers[name], spec.inner), spec.inner)


def layers_of(model: Any, graph: Graph) -> dict[str, Any]:
    """A model's layers by the names that its graph has for them."""
    by_name = {layer.name: layer for layer in model.layers}
    return {name: by_name[spec.name_in_keras] for name, spec in graph.layers.items() if spec.name_in_keras in by_name}


def freeze_normalizations(layer: Any) -> None:
    """Keeps a layer that is a BatchNormalization in inference mode, and every one inside of a layer or model."""
    for each in layer._flatten_layers() if isinstance(layer, keras.Layer) else ():
        if isinstance(each, keras.layers.BatchNormalization):
            each.trainable = False
