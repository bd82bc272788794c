"""A base on other data than it was made for, or a part of it: specs of the gallery beside plain Keras."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers

from tests.backend.gallery.bases import base_file, base_model, fill
from tests.backend.gallery.compare import assert_same, compiled, images


def test_a_text_model_with_another_vocabulary(tmp_path: Path) -> None:
    words = keras.Input((None,), dtype="int32", name="words_of_a_text")
    x = layers.LSTM(8, name="lstm")(layers.Embedding(50, 64, mask_zero=True, name="embedding")(words))
    base = keras.Model(words, layers.Dense(3, activation="softmax", name="kind")(x), name="text")
    fill(base, seed=3)
    base.save(tmp_path / "text.keras")
    ours = compiled("text_other_vocabulary", f"base.file={tmp_path / 'text.keras'}")
    words = keras.Input((None,), dtype="int32")
    x = layers.Embedding(8000, 64, mask_zero=True, name="words")(words)
    theirs = keras.Model(words, base.get_layer("kind")(base.get_layer("lstm")(x)))
    texts = np.array([[7999, 51, 3, 12, 0, 0], [4, 4, 5000, 1, 2, 0]], "int32")
    assert_same(ours, theirs, texts, ["words"])


def test_vgg16_for_four_channels(weights: Path) -> None:
    vgg = {"include_top": False}
    ours = compiled("four_channels", "input.shape=[48, 32, 4]", base=base_file("VGG16", weights, **vgg))
    base = base_model("VGG16", **vgg)
    image = keras.Input((48, 32, 4), name="rgbd")
    x = layers.Conv2D(64, 3, padding="same", activation="relu", name="rgbd_conv1")(image)
    for layer in base.layers[2:]:
        x = layer(x)
    assert_same(ours, keras.Model(image, x), images(48, 32, 4), ["rgbd_conv1"])


def test_one_convolution_of_vgg16(weights: Path) -> None:
    vgg = {"include_top": False, "input_shape": (32, 32, 3)}
    ours = compiled("one_layer", "base.input_shape=[32, 32, 3]", base=base_file("VGG16", weights, **vgg))
    features = keras.Input((8, 8, 256), name="features")
    theirs = keras.Model(features, base_model("VGG16", **vgg).get_layer("block3_conv2")(features))
    assert_same(ours, theirs, images(8, 8, 256))
    assert [each.name for each in ours.model.layers] == ["features", "block3_conv2"]
