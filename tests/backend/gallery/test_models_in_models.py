"""Bases that stand in a graph, once or several: specs of the gallery beside plain Keras."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
from keras import layers

from tests.backend.conftest import assert_same_bits
from tests.backend.gallery.bases import base_file, base_model
from tests.backend.gallery.compare import assert_same, compiled, images, new_layers

POOLED = {"include_top": False, "pooling": "avg", "input_shape": (64, 64, 3)}
MOBILE = {**POOLED, "alpha": 0.35}


@pytest.mark.slow
def test_a_cnn_on_every_frame(weights: Path) -> None:
    small = ("bases.cnn.input_shape=[64, 64, 3]", "bases.cnn.alpha=0.35", "inputs.video.shape=[3, 64, 64, 3]")
    ours = compiled("video_frames", *small, cnn=base_file("MobileNetV2", weights, **MOBILE))
    cnn = base_model("MobileNetV2", **MOBILE)
    cnn.trainable = False
    theirs = keras.Sequential(
        [
            keras.Input((3, 64, 64, 3)),
            layers.TimeDistributed(cnn, name="frames"),
            layers.LSTM(64, name="lstm"),
            layers.Dense(5, activation="softmax", name="predictions"),
        ]
    )
    assert_same_bits(ours.model.get_layer("frames").get_weights(), cnn.get_weights())
    assert_same(ours, theirs, images(3, 64, 64, 3), new_layers(ours))
    assert len(ours.model.trainable_weights) == len(theirs.trainable_weights) == 5


@pytest.mark.slow
def test_two_backbones_on_one_picture(weights: Path) -> None:
    small = ("bases.a.input_shape=[64, 64, 3]", "bases.b.input_shape=[64, 64, 3]", "inputs.image.shape=[64, 64, 3]")
    a, b = base_file("MobileNetV2", weights, **MOBILE), base_file("EfficientNetB0", weights, **POOLED)
    ours = compiled("two_backbones", *small, "bases.a.alpha=0.35", a=a, b=b)
    image = keras.Input((64, 64, 3))
    x = layers.Concatenate()(
        [base_model("MobileNetV2", **MOBILE)(image), base_model("EfficientNetB0", **POOLED)(image)]
    )
    theirs = keras.Model(image, layers.Dense(5, activation="softmax", name="predictions")(x))
    assert_same(ours, theirs, images(), ["predictions"])
    assert len(ours.model.inputs) == 1
    assert len(ours.model.trainable_weights) == 2


@pytest.mark.slow
def test_a_teacher_and_a_student(weights: Path) -> None:
    logits = {"classifier_activation": None, "input_shape": (64, 64, 3), "classes": 10}
    small = [
        f"bases.{base}.{key}={value}"
        for base in ("teacher", "student")
        for key, value in (("application", "MobileNetV2"), ("input_shape", "[64, 64, 3]"), ("classes", 10))
    ]
    small += ["bases.teacher.alpha=0.5", "bases.student.alpha=0.35", "inputs.image.shape=[64, 64, 3]"]
    teacher, student = (base_file("MobileNetV2", weights, alpha=alpha, **logits) for alpha in (0.5, 0.35))
    ours = compiled("teacher_and_student", *small, teacher=teacher, student=student)
    image = keras.Input((64, 64, 3))
    by_hand = {"teacher": base_model("MobileNetV2", alpha=0.5, **logits)}
    by_hand["student"] = base_model("MobileNetV2", alpha=0.35, **logits)
    by_hand["teacher"].trainable = False
    theirs = keras.Model(image, {name: model(image) for name, model in by_hand.items()})
    assert_same(ours, theirs, images())
    assert len(ours.model.trainable_weights) == len(theirs.trainable_weights)


def test_vgg16_as_one_layer_of_a_new_model(weights: Path) -> None:
    vgg = {"include_top": False, "input_shape": (32, 32, 3)}
    ours = compiled("vgg16_as_a_layer", "base.input_shape=[32, 32, 3]", base=base_file("VGG16", weights, **vgg))
    base = base_model("VGG16", **vgg)
    base.trainable = False
    theirs = keras.Sequential(
        [
            base,
            layers.Flatten(),
            layers.Dense(256, activation="relu", name="dense"),
            layers.Dropout(0.5, name="dropout"),
            layers.Dense(1, activation="sigmoid", name="predictions"),
        ]
    )
    assert_same(ours, theirs, images(32, 32, 3), new_layers(ours))
    (nested,) = (each for each in ours.model.layers if isinstance(each, keras.Model))
    assert [each.name for each in nested.layers[1:]] == [each.name for each in base.layers[1:]]
    assert len(ours.model.trainable_weights) == 4
