"""Fewer and more channels: specs of the gallery beside slices and copies by hand."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers

from tests.backend.conftest import outputs_of
from tests.backend.gallery.bases import base_file, base_model
from tests.backend.gallery.compare import assert_same, compiled, images

SMALL = {"include_top": False, "input_shape": (64, 64, 3)}
SET_SMALL = "base.input_shape=[64, 64, 3]"


def test_half_of_the_channels_of_vgg16(weights: Path) -> None:
    ours = compiled("narrower_vgg16", SET_SMALL, base=base_file("VGG16", weights, **SMALL))
    base = base_model("VGG16", **SMALL)
    kept = np.arange(3)
    x = inputs = keras.Input((64, 64, 3))
    slices = {}
    for layer in base.layers[1:]:
        if not isinstance(layer, layers.Conv2D):
            x = type(layer).from_config(layer.get_config())(x)
            continue
        kernel, bias = layer.get_weights()
        largest = np.argsort(-np.abs(kernel).sum((0, 1, 2)), kind="stable")[: kernel.shape[-1] // 2]
        read, kept = kept, np.sort(largest)
        x = layers.Conv2D(len(kept), 3, padding="same", activation="relu", name=layer.name)(x)
        slices[layer.name] = [kernel[:, :, read][..., kept], bias[kept]]
    x = layers.Dense(10, activation="softmax", name="predictions")(layers.GlobalAveragePooling2D()(x))
    theirs = keras.Model(inputs, x)
    for name, values in slices.items():
        theirs.get_layer(name).set_weights(values)
    assert_same(ours, theirs, images(), ["predictions"])


def test_a_wider_stem(weights: Path) -> None:
    small = {**SMALL, "pooling": "avg"}
    ours = compiled("wider_stem", SET_SMALL, base=base_file("ResNet50", weights, **small))
    base = base_model("ResNet50", **small)
    assert [ours.model.get_layer(name).filters for name in ("conv1_conv", "conv2_block3_2_conv")] == [96, 96]
    [found], [wanted] = outputs_of(ours.model, images()), outputs_of(base, images())
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()
    old, new = base.get_layer("conv1_conv").get_weights(), ours.model.get_layer("conv1_conv").get_weights()
    copies = np.array([each for channel in range(64) for each in [channel] * (2 if channel < 32 else 1)])
    assert all((a[..., copies] == b).all() for a, b in zip(old, new, strict=True))
