"""Several inputs, and one network that is called on each of them: specs of the gallery beside plain Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
from keras import layers, ops

from tests.backend.gallery.bases import base_file, base_model
from tests.backend.gallery.compare import assert_same, compiled, images

ENCODER: dict[str, Any] = {"include_top": False, "input_shape": (64, 64, 3), "pooling": "avg", "alpha": 0.35}


def set_encoder(*inputs: str) -> list[str]:
    """Overrides that make the spec's encoder and inputs small."""
    shapes = ("bases.encoder.input_shape", *(f"inputs.{each}.shape" for each in inputs))
    return ["bases.encoder.alpha=0.35", *(f"{each}=[64, 64, 3]" for each in shapes)]


def test_an_image_and_a_table(weights: Path) -> None:
    arguments: dict[str, Any] = {"include_top": False, "input_shape": (64, 64, 3), "pooling": "avg"}
    file = base_file("ResNet50", weights, **arguments)
    ours = compiled("image_and_table", "base.input_shape=[64, 64, 3]", base=file)
    base = base_model("ResNet50", **arguments)
    image, meta = keras.Input((64, 64, 3), name="input_layer"), keras.Input((10,), name="meta")
    table = layers.Dense(32, activation="relu", name="table")(meta)
    price = layers.Dense(1, name="price")(layers.Concatenate()([base(image), table]))
    inputs = {"input_layer": images(), "meta": images(10, seed=1)}
    assert_same(ours, keras.Model([image, meta], price), inputs, ["table", "price"])


def test_a_siamese_network(weights: Path) -> None:
    names = ("left", "right")
    ours = compiled("siamese", *set_encoder(*names), encoder=base_file("MobileNetV2", weights, **ENCODER))
    encoder = base_model("MobileNetV2", **ENCODER)
    pictures = [keras.Input((64, 64, 3), name=each) for each in names]
    left, right = (encoder(each) for each in pictures)
    same = layers.Dense(1, activation="sigmoid", name="same")(ops.abs(left - right))
    inputs = {each: images(seed=number) for number, each in enumerate(names)}
    assert_same(ours, keras.Model(pictures, same), inputs, ["same"])
    assert sum(isinstance(each, keras.Model) for each in ours.model.layers) == 1


def test_a_triplet_network(weights: Path) -> None:
    names = ("anchor", "positive", "negative")
    ours = compiled("triplet", *set_encoder(*names), encoder=base_file("MobileNetV2", weights, **ENCODER))
    encoder = base_model("MobileNetV2", **ENCODER)
    embedding = layers.Dense(128, use_bias=False, name="embedding")
    pictures = {each: keras.Input((64, 64, 3), name=each) for each in names}
    outputs = {each: layers.UnitNormalization()(embedding(encoder(picture))) for each, picture in pictures.items()}
    inputs = {each: images(seed=number) for number, each in enumerate(names)}
    assert_same(ours, keras.Model(list(pictures.values()), outputs), inputs, ["embedding"])
    assert ours.model.count_params() == encoder.count_params() + embedding.count_params()
