"""Layers between those of a base, and arguments that change there: specs of the gallery beside plain Keras."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tests.backend.conftest import assert_same_bits, outputs_of
from tests.backend.gallery.bases import base_file, base_model
from tests.backend.gallery.compare import assert_same, compiled, images, new_layers

RESNET = {"include_top": False, "input_shape": (32, 32, 3)}
POOLED = {**RESNET, "pooling": "avg"}
SMALL = "base.input_shape=[32, 32, 3]"


def called(base: Any, call: Callable[..., Any]) -> Any:
    """The base's own layers, called once more by a function: what plain Keras offers for an insertion."""
    return keras.models.clone_model(base, clone_function=lambda layer: layer, call_function=call)


@pytest.mark.slow
def test_an_adapter_behind_every_residual_block(weights: Path) -> None:
    ours = compiled("residual_adapters", SMALL, base=base_file("ResNet50", weights, **RESNET))
    base = base_model("ResNet50", **RESNET)
    assert_same_bits(outputs_of(ours.model, images(32, 32, 3)), outputs_of(base, images(32, 32, 3)))
    new: list[str] = []

    def call(layer: Any, *taken: Any, **given: Any) -> Any:
        x = layer(*taken, **given)
        if not layer.name.endswith("_out"):
            return x
        new.extend(f"{layer.name}_{each}" for each in ("down", "up"))
        channels = x.shape[-1]
        y = layers.Conv2D(channels // 16, 1, activation="relu", name=new[-2])(x)
        y = layers.Conv2D(channels, 1, name=new[-1])(y)
        return layers.Add()([x, y])

    theirs = called(base, call)
    assert len(new) == 32
    assert_same(ours, theirs, images(32, 32, 3), new)
    assert len(ours.model.trainable_weights) == 2 * len(new)


def test_dropout_before_every_dense(weights: Path) -> None:
    top = {"input_shape": (32, 32, 3), "classes": 10}
    ours = compiled("dropout_before_every_dense", SMALL, "base.classes=10", base=base_file("VGG16", weights, **top))
    base = base_model("VGG16", **top)

    def call(layer: Any, x: Any, **given: Any) -> Any:
        if isinstance(layer, layers.Dense):
            x = layers.Dropout(0.5, name=f"{layer.name}_dropout")(x)
        return layer(x, **given)

    theirs = called(base, call)
    assert_same(ours, theirs, images(32, 32, 3), new_layers(ours))
    assert [type(each) for each in ours.model.layers] == [type(each) for each in theirs.layers]


@pytest.mark.slow
def test_l2_on_every_convolution(weights: Path, tmp_path: Path) -> None:
    ours = compiled("l2_on_every_convolution", SMALL, base=base_file("ResNet50", weights, **POOLED))
    base = base_model("ResNet50", **POOLED)

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        if isinstance(layer, layers.Conv2D):
            config["kernel_regularizer"] = keras.regularizers.L2(1e-4)
        return type(layer).from_config(config)

    theirs = keras.models.clone_model(base, clone_function=clone)
    theirs.set_weights(base.get_weights())
    assert_same(ours, theirs, images(32, 32, 3))
    ours.model.save(tmp_path / "regularised.keras")
    wanted = [keras.ops.convert_to_numpy(loss) for loss in theirs.losses]
    assert len(wanted) == 53
    for model in (ours.model, keras.saving.load_model(tmp_path / "regularised.keras")):
        assert_same_bits([keras.ops.convert_to_numpy(loss) for loss in model.losses], wanted)


@pytest.mark.slow
def test_stochastic_depth_that_grows(weights: Path) -> None:
    ours = compiled("stochastic_depth", SMALL, base=base_file("ResNet50", weights, **POOLED))
    base = base_model("ResNet50", **POOLED)
    rates = {"conv2": 0.05, "conv3": 0.1, "conv4": 0.15, "conv5": 0.2}

    def call(layer: Any, taken: Any, **given: Any) -> Any:
        if isinstance(layer, layers.Add):
            shortcut, branch = taken
            rate = rates[layer.name.partition("_")[0]]
            taken = [shortcut, layers.Dropout(rate, noise_shape=(None, 1, 1, 1), name=f"{layer.name}_depth")(branch)]
        return layer(taken, **given)

    theirs = called(base, call)
    assert_same(ours, theirs, images(32, 32, 3), new_layers(ours))
    found, wanted = (
        {each.name: (each.rate, tuple(each.noise_shape)) for each in model.layers if isinstance(each, layers.Dropout)}
        for model in (ours.model, theirs)
    )
    assert found == wanted
    assert len(found) == 16


def test_mixed_precision(weights: Path) -> None:
    mobile = {"include_top": False, "pooling": "avg", "input_shape": (64, 64, 3), "alpha": 0.35}
    file = base_file("MobileNetV2", weights, **mobile)
    ours = compiled("mixed_precision", "base.input_shape=[64, 64, 3]", "base.alpha=0.35", base=file)
    numbers = base_model("MobileNetV2", **mobile).get_weights()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        base = keras.applications.MobileNetV2(weights=None, **mobile)
        x = layers.Dense(10, activation="softmax", dtype="float32", name="predictions")(base.output)
    finally:
        keras.config.set_dtype_policy("float32")
    base.set_weights(numbers)
    theirs = keras.Model(base.input, x)
    assert_same(ours, theirs, images(), ["predictions"])
    policies = [{each.dtype_policy.name for each in model.layers[1:-1]} for model in (ours.model, theirs)]
    assert policies == [{"mixed_float16"}] * 2


@pytest.mark.slow
def test_dropout_that_stays_on(weights: Path, tmp_path: Path) -> None:
    mobile = {"include_top": False, "pooling": "avg", "input_shape": (64, 64, 3), "alpha": 0.35}
    file = base_file("MobileNetV2", weights, **mobile)
    ours = compiled("monte_carlo_dropout", "base.input_shape=[64, 64, 3]", "base.alpha=0.35", base=file)
    base = base_model("MobileNetV2", **mobile)
    x = layers.Dense(128, activation="relu", name="dense")(base.output)
    x = layers.Dropout(0.5, seed=7)(x, training=True)
    theirs = keras.Model(base.input, layers.Dense(10, activation="softmax", name="predictions")(x))
    for name in ("dense", "predictions"):
        theirs.get_layer(name).set_weights(ours.model.get_layer(name).get_weights())
    ours.model.save(tmp_path / "on.keras")
    reloaded = keras.saving.load_model(tmp_path / "on.keras")
    first, second = (drawn(ours.model) for _ in range(2))
    assert not np.array_equal(first, second)
    for model in (theirs, reloaded):  # of the same seed, so every draw is the same
        assert_same_bits([drawn(model), drawn(model)], [first, second])
    quiet = [model.predict(images(), verbose=0) for model in (ours.model, ours.model, theirs)]
    assert np.array_equal(quiet[0], quiet[1])
    np.testing.assert_allclose(quiet[0], quiet[2], rtol=1e-6)


def drawn(model: Any) -> Any:
    """What a model puts out, called as `model(x)`: nothing is said of `training`."""
    return keras.ops.convert_to_numpy(model(images()))
