"""Pyramids and detectors: specs of the gallery beside plain Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from tests.backend.gallery.backbones import STRIDES, backbone, backbone_file, on_each, pictures, set_backbone
from tests.backend.gallery.compare import assert_same, compiled


def pyramid(c3: Any, c4: Any, c5: Any) -> dict[str, Any]:
    """The levels of RetinaNet's pyramid, as the example at keras.io makes them."""
    m5, m4, m3 = (layers.Conv2D(256, 1, name=f"lateral{at}")(each) for at, each in ((5, c5), (4, c4), (3, c3)))
    m4 = layers.Add()([m4, layers.UpSampling2D()(m5)])
    m3 = layers.Add()([m3, layers.UpSampling2D()(m4)])
    levels = {
        f"p{at}": layers.Conv2D(256, 3, padding="same", name=f"p{at}")(x) for at, x in ((3, m3), (4, m4), (5, m5))
    }
    p6 = layers.Conv2D(256, 3, strides=2, padding="same", name="p6")(c5)
    p7 = layers.Conv2D(256, 3, strides=2, padding="same", name="p7")(layers.ReLU()(p6))
    return {**levels, "p6": p6, "p7": p7}


PYRAMID = [*(f"lateral{at}" for at in (5, 4, 3)), *(f"p{at}" for at in range(3, 8))]  # its new layers


@on_each
def test_a_feature_pyramid(application: str, weights: Path) -> None:
    places = dict(zip(("c3", "c4", "c5"), STRIDES[application][2:], strict=True))
    ours = compiled("fpn", *set_backbone(application, "backbone", **places), base=backbone_file(application, weights))
    base, tensors = backbone(application)
    assert_same(ours, keras.Model(base.input, pyramid(*tensors[2:])), pictures(application), PYRAMID)


@pytest.mark.slow
def test_one_head_on_five_levels(weights: Path) -> None:
    file = backbone_file("ResNet50", weights)
    ours = compiled("shared_detection_head", "base.input_shape=[64, 64, 3]", base=file)
    base, tensors = backbone("ResNet50")
    tower = [layers.Conv2D(256, 3, padding="same", activation="relu", name=f"tower{at}") for at in range(4)]
    head = [*tower, layers.Conv2D(756, 3, padding="same", name="predict"), layers.Reshape((-1, 84))]
    said = []
    for x in pyramid(*tensors[2:]).values():
        for layer in head:
            x = layer(x)
        said.append(x)
    theirs = keras.Model(base.input, layers.Concatenate(axis=1)(said))
    assert_same(ours, theirs, pictures("ResNet50"), [*PYRAMID, *(f"tower{at}" for at in range(4)), "predict"])
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
    assert_same(ours, keras.Model(base.input, outputs), pictures(application), new)
