"""Pyramids and detectors: specs of the gallery beside plain Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from tests.backend.gallery.backbones import STRIDES, backbone, backbone_file, set_backbone
from tests.backend.gallery.compare import assert_same, compiled, images

on_each = pytest.mark.parametrize("application", STRIDES)


def level(x: Any, name: str, strides: int = 1) -> Any:
    return layers.Conv2D(256, 3, strides=strides, padding="same", name=name)(x)


@on_each
def test_a_feature_pyramid(application: str, weights: Path) -> None:
    places = dict(zip(("c3", "c4", "c5"), STRIDES[application][2:], strict=True))
    overrides = set_backbone(application, "backbone", **places)
    ours = compiled("fpn", *overrides, base=backbone_file(application, weights))
    base, (_, _, c3, c4, c5) = backbone(application)
    m5 = layers.Conv2D(256, 1, name="m5")(c5)
    m4 = layers.Add()([layers.UpSampling2D()(m5), layers.Conv2D(256, 1, name="lateral4")(c4)])
    m3 = layers.Add()([layers.UpSampling2D()(m4), layers.Conv2D(256, 1, name="lateral3")(c3)])
    outputs = {"p3": level(m3, "p3"), "p4": level(m4, "p4"), "p5": level(m5, "p5"), "p6": level(c5, "p6", 2)}
    new = ["m5", "lateral4", "lateral3", *outputs]
    assert_same(ours, keras.Model(base.input, outputs), images(), new)


def test_one_head_on_five_levels(weights: Path) -> None:
    file = backbone_file("ResNet50", weights)
    ours = compiled("shared_detection_head", "base.input_shape=[64, 64, 3]", base=file)
    base, (_, _, c3, c4, c5) = backbone("ResNet50")
    p5 = layers.Conv2D(256, 1, name="p5")(c5)
    p4 = layers.Add()([layers.UpSampling2D()(p5), layers.Conv2D(256, 1, name="c4")(c4)])
    p3 = layers.Add()([layers.UpSampling2D()(p4), layers.Conv2D(256, 1, name="c3")(c3)])
    p6 = level(c5, "p6", 2)
    p7 = level(p6, "p7", 2)
    tower = layers.Conv2D(256, 3, padding="same", activation="relu", name="tower")
    predict = layers.Conv2D(756, 3, padding="same", name="predict")
    said = [layers.Reshape((-1, 84))(predict(tower(each))) for each in (p3, p4, p5, p6, p7)]
    theirs = keras.Model(base.input, layers.Concatenate(axis=1)(said))
    new = ["p5", "c4", "c3", "p6", "p7", "tower", "predict"]
    assert_same(ours, theirs, images(), new)
    assert ours.model.count_params() == theirs.count_params()


@on_each
def test_a_single_shot_detector(application: str, weights: Path) -> None:
    places = dict(zip(("c16", "c32"), STRIDES[application][3:], strict=True))
    overrides = set_backbone(application, "backbone", **places)
    ours = compiled("ssd", *overrides, base=backbone_file(application, weights))
    base, (_, _, _, c16, c32) = backbone(application)
    c64 = layers.Conv2D(256, 3, strides=2, padding="same", activation="relu", name="c64")(c32)

    def said(what: str, numbers: int) -> Any:
        ends = []
        for stride, x in (("16", c16), ("32", c32), ("64", c64)):
            x = layers.Conv2D(numbers * 6, 3, padding="same", name=what + stride)(x)
            ends.append(layers.Reshape((-1, numbers))(x))
        return layers.Concatenate(axis=1)(ends)

    outputs = {"boxes": said("boxes", 4), "classes": layers.Softmax()(said("classes", 21))}
    new = ["c64", *(f"{what}{stride}" for what in outputs for stride in (16, 32, 64))]
    assert_same(ours, keras.Model(base.input, outputs), images(), new)
