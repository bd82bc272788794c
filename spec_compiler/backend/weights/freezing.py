"""What trains and what does not, said to Keras so that it holds for everything inside of a layer."""

from __future__ import annotations

from typing import Any

import keras


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


def set_trainable(model: Any, names: frozenset[str]) -> None:
    """Makes exactly the named layers trainable; BatchNormalization inside frozen nested models is frozen with them."""
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    for layer in layers:
        if layer.name in names and (not layer.trainable or hasattr(layer, "layers")):
            unfreeze(layer)
    for layer in layers:  # last: what is frozen stays so, though a nested model that trains holds it as well
        if layer.name not in names:
            freeze(layer)


def freeze_normalizations(model: Any) -> None:
    """Keeps every BatchNormalization in inference mode, those in nested models included."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
