"""Bases cut, and embeddings: specs of the gallery beside plain Keras."""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers

from tests.backend.gallery.bases import base_file, base_model
from tests.backend.gallery.compare import assert_same, compiled, images

MOBILE = {"include_top": False, "input_shape": (64, 64, 3), "alpha": 0.35}
SMALL = ("base.input_shape=[64, 64, 3]", "base.alpha=0.35")


def test_the_first_blocks_of_mobilenetv2(weights: Path) -> None:
    ours = compiled("truncated_mobilenetv2", *SMALL, base=base_file("MobileNetV2", weights, **MOBILE))
    base = base_model("MobileNetV2", **MOBILE)
    x = layers.GlobalAveragePooling2D()(base.get_layer("block_13_expand_relu").output)
    theirs = keras.Model(base.input, layers.Dense(10, activation="softmax", name="predictions")(x))
    assert_same(ours, theirs, images(), ["predictions"])
