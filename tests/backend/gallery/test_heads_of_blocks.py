"""Heads that are graphs, repeat, or serve two tasks: specs of the gallery beside plain Keras."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from tests.backend.conftest import assert_same_bits
from tests.backend.gallery.bases import base_file, base_model
from tests.backend.gallery.compare import assert_same, compiled, images

MOBILE = {"include_top": False, "input_shape": (64, 64, 3), "alpha": 0.35}
SMALL = ("base.application=MobileNetV2", "base.input_shape=[64, 64, 3]", "base.alpha=0.35")


def test_a_transformer_block_on_a_feature_map(weights: Path) -> None:
    ours = compiled("transformer_on_feature_map", *SMALL, base=base_file("MobileNetV2", weights, **MOBILE))
    base = base_model("MobileNetV2", **MOBILE)
    patches = layers.Reshape((-1, 1280))(base.output)
    normed = layers.LayerNormalization(name="normed")(patches)
    x = layers.MultiHeadAttention(8, 64, name="attention")(query=normed, value=normed)
    attended = layers.Add()([patches, x])
    x = layers.LayerNormalization(name="norm")(attended)
    x = layers.Dense(512, activation="gelu", name="wide")(x)
    x = layers.Dense(1280, name="narrow")(x)
    x = layers.Add()([attended, x])
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dense(10, activation="softmax", name="predictions")(x)
    theirs = keras.Model(base.input, x)
    base.trainable = False
    assert_same(ours, theirs, images(), ["normed", "attention", "norm", "wide", "narrow", "predictions"])
    assert len(ours.model.trainable_weights) == len(theirs.trainable_weights)


def test_the_same_block_ten_times(weights: Path) -> None:
    vgg = {"include_top": False, "input_shape": (32, 32, 3)}
    small = ("base.input_shape=[32, 32, 3]", "head[2].Dense.activation=null")  # a softmax would be sure of one class
    ours = compiled("ten_blocks", *small, base=base_file("VGG16", weights, **vgg))
    base = base_model("VGG16", **vgg)
    x = base.get_layer("block2_pool").output
    new: list[str] = []
    for number in range(10):
        new += [f"{kind}{number}" for kind in ("conv1_", "norm1_", "conv2_", "norm2_")]
        y = layers.Conv2D(128, 3, padding="same", use_bias=False, name=new[-4])(x)
        y = layers.BatchNormalization(name=new[-3])(y)
        y = layers.ReLU()(y)
        y = layers.Conv2D(128, 3, padding="same", use_bias=False, name=new[-2])(y)
        y = layers.BatchNormalization(name=new[-1])(y)
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    theirs = keras.Model(base.input, layers.Dense(10, name="predictions")(x))
    assert_same(ours, theirs, images(32, 32, 3), [*new, "predictions"])


@pytest.mark.slow
def test_two_tasks_with_a_loss_each(weights: Path) -> None:
    ours = compiled("multi_task", *SMALL, base=base_file("MobileNetV2", weights, **MOBILE))
    base = base_model("MobileNetV2", **MOBILE)
    pooled = layers.GlobalAveragePooling2D()(base.output)
    age = layers.Dense(8, activation="softmax", name="age")(pooled)
    sex = layers.Dense(1, activation="sigmoid", name="sex")(pooled)
    theirs = keras.Model(base.input, {"age": age, "sex": sex})
    assert_same(ours, theirs, images(), ["age", "sex"])
    wanted = {"age": np.eye(8, dtype="float32")[[1, 5]], "sex": np.array([[0], [1]], "float32")}
    theirs.compile(
        optimizer="adam",
        loss={"age": "categorical_crossentropy", "sex": "binary_crossentropy"},
        loss_weights={"age": 1.0, "sex": 0.2},
        metrics=[["accuracy"], ["accuracy"]],
    )
    measured = [model.evaluate(images(), wanted, return_dict=True, verbose=0) for model in (ours.model, theirs)]
    assert measured[0].keys() == measured[1].keys()
    assert_same_bits(*(np.array(list(each.values())) for each in measured))
