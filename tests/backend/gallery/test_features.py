"""Bases that are cut, embeddings, and outputs from inside: specs of the gallery beside plain Keras."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
from keras import layers

from tests.backend.gallery.bases import base_file, base_model
from tests.backend.gallery.compare import assert_same, compiled, images

SMALL = {"include_top": False, "input_shape": (64, 64, 3)}
MOBILE = {**SMALL, "alpha": 0.35}
SET_SMALL = "base.input_shape=[64, 64, 3]"
SET_MOBILE = (SET_SMALL, "base.alpha=0.35")


def test_the_first_blocks_of_mobilenetv2(weights: Path) -> None:
    ours = compiled("truncated_mobilenetv2", *SET_MOBILE, base=base_file("MobileNetV2", weights, **MOBILE))
    base = base_model("MobileNetV2", **MOBILE)
    x = layers.GlobalAveragePooling2D()(base.get_layer("block_13_expand_relu").output)
    theirs = keras.Model(base.input, layers.Dense(10, activation="softmax", name="predictions")(x))
    assert_same(ours, theirs, images(), ["predictions"])


def test_an_embedding_of_length_one(weights: Path) -> None:
    arguments = {**MOBILE, "pooling": "avg"}
    ours = compiled("l2_embedding", *SET_MOBILE, base=base_file("MobileNetV2", weights, **arguments))
    base = base_model("MobileNetV2", **arguments)
    x = layers.Dense(128, use_bias=False, name="embedding")(base.output)
    assert_same(ours, keras.Model(base.input, layers.UnitNormalization()(x)), images(), ["embedding"])


@pytest.mark.slow
def test_grad_cam_sees_into_a_nested_base(weights: Path) -> None:
    ours = compiled("grad_cam", SET_SMALL, base=base_file("ResNet50", weights, **SMALL))
    base = base_model("ResNet50", **SMALL)
    x = layers.GlobalAveragePooling2D()(base.output)
    prediction = layers.Dense(10, activation="softmax", name="predictions")(x)
    outputs = {"features": base.get_layer("conv5_block3_out").output, "prediction": prediction}
    assert_same(ours, keras.Model(base.input, outputs), images(), ["predictions"])


@pytest.mark.slow
def test_an_auxiliary_output(weights: Path) -> None:
    arguments = {"include_top": False, "input_shape": (139, 139, 3), "pooling": "avg"}
    file = base_file("InceptionV3", weights, **arguments)
    ours = compiled("auxiliary_output", "base.input_shape=[139, 139, 3]", base=file)
    base = base_model("InceptionV3", **arguments)
    main = layers.Dense(10, activation="softmax", name="main")(base.output)
    x = layers.AveragePooling2D(5, strides=3)(base.get_layer("mixed7").output)
    x = layers.Conv2D(128, 1, activation="relu", name="projection")(x)
    auxiliary = layers.Dense(10, activation="softmax", name="auxiliary")(layers.Flatten()(x))
    theirs = keras.Model(base.input, {"main": main, "auxiliary": auxiliary})
    assert_same(ours, theirs, images(139, 139, 3), ["main", "projection", "auxiliary"])
