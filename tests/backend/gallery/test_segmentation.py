"""U-Net and DeepLabV3+ on three backbones: specs of the gallery beside plain Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
from keras import layers

from tests.backend.gallery.backbones import STRIDES, backbone, backbone_file, on_each, pictures, set_backbone
from tests.backend.gallery.compare import assert_same, compiled


@on_each
def test_a_unet(application: str, weights: Path) -> None:
    places = dict(zip(("half", "quarter", "eighth", "sixteenth"), STRIDES[application], strict=False))
    ours = compiled("unet", *set_backbone(application, "encoder", **places), base=backbone_file(application, weights))
    base, (*skips, x) = backbone(application)
    new = []
    for skip, filters in zip(reversed(skips), (256, 128, 64, 32), strict=True):
        names = [f"{each}{filters}" for each in ("up", "first", "second")]
        up, first, second = (
            layers.Conv2D(filters, size, padding="same", activation="relu", name=name)
            for size, name in zip((2, 3, 3), names, strict=True)
        )
        x = second(first(layers.Concatenate()([skip, up(layers.UpSampling2D()(x))])))
        new += names
    mask = layers.Conv2D(3, 3, padding="same", activation="softmax", name="mask")(layers.UpSampling2D()(x))
    assert_same(ours, keras.Model(base.input, mask), pictures(application), [*new, "mask"])


def conv(x: Any, filters: int, size: int, name: str, rate: int = 1, bias: bool = False) -> Any:
    x = layers.Conv2D(filters, size, dilation_rate=rate, padding="same", use_bias=bias, name=f"{name}_conv")(x)
    return layers.ReLU()(layers.BatchNormalization(name=f"{name}_bn")(x))


LOW_AND_HIGH = {  # as the example at keras.io takes ResNet50's
    "MobileNetV2": ("block_3_expand_relu", "block_13_expand_relu"),
    "ResNet50": ("conv2_block3_2_relu", "conv4_block6_2_relu"),
    "EfficientNetB0": ("block3a_expand_activation", "block6a_expand_activation"),
}


@on_each
def test_deeplabv3_plus(application: str, weights: Path) -> None:
    places = LOW_AND_HIGH[application]
    overrides = set_backbone(application, "backbone", low=places[0], high=places[1], image="64")[1:]
    ours = compiled("deeplabv3_plus", *overrides, base=backbone_file(application, weights))
    base, _ = backbone(application)
    low, high = (base.get_layer(each).output for each in places)
    whole = conv(layers.AveragePooling2D(64 // 16)(high), 256, 1, "whole", bias=True)
    whole = layers.UpSampling2D(64 // 16, interpolation="bilinear")(whole)
    pyramid = [whole, conv(high, 256, 1, "rate1"), *(conv(high, 256, 3, f"rate{each}", each) for each in (6, 12, 18))]
    x = conv(layers.Concatenate()(pyramid), 256, 1, "joined")
    x = layers.UpSampling2D(4, interpolation="bilinear")(x)
    x = layers.Concatenate()([x, conv(low, 48, 1, "fine")])
    x = conv(conv(x, 256, 3, "first"), 256, 3, "second")
    x = layers.UpSampling2D(4, interpolation="bilinear")(x)
    mask = layers.Conv2D(20, 1, name="mask")(x)
    names = ("whole", "rate1", "rate6", "rate12", "rate18", "joined", "fine", "first", "second")
    new = [f"{name}_{each}" for name in names for each in ("conv", "bn")]
    assert_same(ours, keras.Model(base.input, mask), pictures(application), [*new, "mask"])
