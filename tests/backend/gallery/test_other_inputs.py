"""A base on other data than it was made for, or a part of it: specs of the gallery beside plain Keras."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from tests.backend.conftest import assert_same_bits, outputs_of
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


def test_mobilenet_v2_for_gray_pictures(weights: Path) -> None:
    net = {"include_top": False, "pooling": "avg"}
    ours = compiled("gray_pictures", base=base_file("MobileNetV2", weights, **net))
    base = base_model("MobileNetV2", **net)
    kernel = base.get_layer("Conv1").get_weights()[0]
    theirs = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 1), **net)
    for layer in theirs.layers:
        if layer.name != "Conv1":
            layer.set_weights(base.get_layer(layer.name).get_weights() if layer.weights else [])
    theirs.get_layer("Conv1").set_weights([kernel[:, :, :1] + kernel[:, :, 1:2] + kernel[:, :, 2:]])
    gray = keras.Input((96, 96, 1))
    scaled = keras.applications.mobilenet_v2.preprocess_input(gray)
    theirs = keras.Model(gray, layers.Dense(5, activation="softmax", name="kinds")(theirs(scaled)))
    assert_same(ours, theirs, (values := 127 * (1 + images(96, 96, 1))), ["kinds"])
    scaled = keras.applications.mobilenet_v2.preprocess_input(values.repeat(3, -1))
    (wanted,) = outputs_of(base, scaled)
    features = keras.Model(ours.model.input, ours.model.get_layer("kinds").input)
    np.testing.assert_allclose(outputs_of(features, values)[0], wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This model usually expects")  # Keras, of thirteen channels
def test_resnet50_for_thirteen_bands(weights: Path) -> None:
    net = {"include_top": False, "pooling": "avg"}
    ours = compiled("thirteen_bands", base=base_file("ResNet50", weights, **net))
    base = base_model("ResNet50", **net)
    kernel, bias = base.get_layer("conv1_conv").get_weights()
    theirs = keras.applications.ResNet50(weights=None, input_shape=(64, 64, 13), **net)
    for layer in theirs.layers:
        if layer.name != "conv1_conv":
            layer.set_weights(base.get_layer(layer.name).get_weights() if layer.weights else [])
    bands = np.stack([kernel[:, :, band % 3] for band in range(13)], axis=2) * np.float32(3 / 13)
    theirs.get_layer("conv1_conv").set_weights([bands, bias])
    assert_same(ours, theirs, images(64, 64, 13))


def test_one_convolution_of_vgg16(weights: Path) -> None:
    vgg = {"include_top": False, "input_shape": (32, 32, 3)}
    ours = compiled("one_layer", "base.input_shape=[32, 32, 3]", base=base_file("VGG16", weights, **vgg))
    features = keras.Input((8, 8, 256), name="features")
    theirs = keras.Model(features, base_model("VGG16", **vgg).get_layer("block3_conv2")(features))
    assert_same(ours, theirs, images(8, 8, 256))
    assert [each.name for each in ours.model.layers] == ["features", "block3_conv2"]


def test_a_text_model_keeps_the_words_that_two_vocabularies_share(tmp_path: Path) -> None:
    words = keras.Input((None,), dtype="int32", name="words_of_a_text")
    x = layers.LSTM(8, name="lstm")(layers.Embedding(50, 64, name="embedding")(words))
    base = keras.Model(words, layers.Dense(3, activation="softmax", name="kind")(x), name="text")
    fill(base, seed=3)
    base.save(tmp_path / "text.keras")
    old, new = ([f"word {each}" for each in range(*limits)] for limits in ((0, 50), (20, 8020)))
    overrides = [f"base.file={tmp_path / 'text.keras'}"]
    for key, terms in (("old", old), ("new", new)):
        (tmp_path / key).write_text("\n".join(terms), encoding="utf-8")
        overrides.append(f"set.weights.rows.{key}={tmp_path / key}")
    ours = compiled("text_shared_words", *overrides)
    texts = np.array([[20, 49, 33, 21], [24, 44, 25, 31]])
    assert_same_bits(outputs_of(ours.model, texts - 20), outputs_of(base, texts))


@pytest.mark.slow
def test_vgg16_over_pictures_of_any_size(weights: Path) -> None:
    vgg = {"input_shape": (64, 64, 3)}
    sizes = ["base.input_shape=[64, 64, 3]", "replace.with[0].Conv2D.kernel_size=2"]
    ours = compiled("fully_convolutional", *sizes, base=base_file("VGG16", weights, **vgg)).model
    base = base_model("VGG16", **vgg)
    picture = images(128, 96, 3)
    seen = outputs_of(keras.Model(base.input, base.get_layer("block5_pool").output), picture[:, :64, :64])[0]
    x = seen.reshape(2, -1)
    for name in ("fc1", "fc2", "predictions"):
        x = base.get_layer(name)(x)
    np.testing.assert_allclose(outputs_of(ours, picture[:, :64, :64])[0][:, 0, 0], x, rtol=1e-4, atol=1e-7)
    assert outputs_of(ours, picture)[0].shape == (2, 3, 2, 1000)


def test_classes_by_their_names(tmp_path: Path) -> None:
    picture = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(6, 3, activation="relu")(picture))
    base = keras.Model(picture, layers.Dense(5, name="predictions")(x))
    fill(base, seed=4)
    base.save(tmp_path / "flowers.keras")
    ours = compiled("classes_by_name", f"base.file={tmp_path / 'flowers.keras'}").model
    kept = outputs_of(ours, images(8, 8, 3))[0][:, [0, 1, 4, 5, 6]]
    np.testing.assert_allclose(kept, outputs_of(base, images(8, 8, 3))[0], rtol=1e-5, atol=1e-6)
