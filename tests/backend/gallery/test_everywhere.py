"""One edit at every place of a kind: specs of the gallery beside plain Keras, which walks the layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.backend.conftest import outputs_of
from tests.backend.gallery.bases import base_file, base_model, rebuilt
from tests.backend.gallery.compare import assert_same, compiled, images

SMALL: dict[str, Any] = {"include_top": False, "input_shape": (64, 64, 3)}
SET_SMALL = "base.input_shape=[64, 64, 3]"


def resnet(name: str, weights: Path) -> tuple[Any, Any]:
    """What a spec makes of a small ResNet50, and that ResNet50."""
    return compiled(name, SET_SMALL, base=base_file("ResNet50", weights, **SMALL)), base_model("ResNet50", **SMALL)


def behind_blocks(base: Any, attention: Any) -> tuple[Any, list[str]]:
    """The base with something behind each residual block, and the blocks by name."""
    blocks = [each.name for each in base.layers if each.name.endswith("_out")]

    def change(layer: Any, taken: Any) -> Any:
        return attention(layer(taken), layer.name) if layer.name in blocks else layer(taken)

    return rebuilt(base, change), blocks


def squeeze_and_excitation(x: Any, name: str) -> Any:
    channels = x.shape[-1]
    y = layers.GlobalAveragePooling2D(keepdims=True)(x)
    y = layers.Conv2D(channels // 16, 1, activation="relu", name=f"{name}_squeeze")(y)
    y = layers.Conv2D(channels, 1, activation="sigmoid", name=f"{name}_excite")(y)
    return layers.Multiply()([x, y])


@pytest.mark.slow
def test_squeeze_and_excitation_behind_every_block(weights: Path) -> None:
    ours, base = resnet("squeeze_and_excitation", weights)
    theirs, blocks = behind_blocks(base, squeeze_and_excitation)
    assert len(blocks) == 16
    assert_same(ours, theirs, images(), [f"{block}_{each}" for block in blocks for each in ("squeeze", "excite")])


def cbam(x: Any, name: str) -> Any:
    channels = x.shape[-1]
    squeeze = layers.Dense(channels // 8, activation="relu", name=f"{name}_squeeze")
    excite = layers.Dense(channels, name=f"{name}_excite")
    mean = excite(squeeze(layers.GlobalAveragePooling2D(keepdims=True)(x)))
    highest = excite(squeeze(layers.GlobalMaxPooling2D(keepdims=True)(x)))
    x = layers.Multiply()([x, ops.sigmoid(mean + highest)])
    y = layers.Concatenate()([pool(x, axis=-1, keepdims=True) for pool in (ops.mean, ops.max)])
    y = layers.Conv2D(1, 7, padding="same", use_bias=False, activation="sigmoid", name=f"{name}_places")(y)
    return layers.Multiply()([x, y])


@pytest.mark.slow
def test_cbam_behind_every_block(weights: Path) -> None:
    ours, base = resnet("cbam", weights)
    theirs, blocks = behind_blocks(base, cbam)
    assert_same(
        ours, theirs, images(), [f"{block}_{each}" for block in blocks for each in ("squeeze", "excite", "places")]
    )


@pytest.mark.slow
def test_group_normalization_for_every_batch_normalization(weights: Path) -> None:
    ours, base = resnet("group_normalization", weights)
    old = [each.name for each in base.layers if isinstance(each, layers.BatchNormalization)]

    def change(layer: Any, taken: Any) -> Any:
        return (layers.GroupNormalization(32, name=layer.name) if layer.name in old else layer)(taken)

    assert_same(ours, rebuilt(base, change), images(), old)


def test_no_batch_normalization(weights: Path) -> None:
    ours, base = resnet("no_batch_normalization", weights)
    theirs = rebuilt(base, lambda layer, taken: taken if isinstance(layer, layers.BatchNormalization) else layer(taken))
    assert_same(ours, theirs, images())


def test_batch_normalization_folded_into_convolutions(weights: Path) -> None:
    arguments = {**SMALL, "alpha": 0.35}
    file = base_file("MobileNetV2", weights, **arguments)
    ours = compiled("fold_batch_normalization", SET_SMALL, "base.alpha=0.35", base=file)
    base = base_model("MobileNetV2", **arguments)
    old = [each.name for each in base.layers if isinstance(each, layers.BatchNormalization)]

    def change(layer: Any, taken: Any) -> Any:
        if layer.name in old:
            return taken
        convolution = isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D)
        return type(layer).from_config({**layer.get_config(), "use_bias": True})(taken) if convolution else layer(taken)

    theirs = rebuilt(base, change)
    for name in old:
        gamma, beta, mean, variance = base.get_layer(name).get_weights()
        convolution = base.get_layer(name).input._keras_history.operation
        scale = gamma / np.sqrt(variance + base.get_layer(name).epsilon)
        is_depthwise = isinstance(convolution, layers.DepthwiseConv2D)
        kernel = convolution.get_weights()[0] * (scale[:, None] if is_depthwise else scale)
        theirs.get_layer(convolution.name).set_weights([kernel, beta - mean * scale])
    wanted = outputs_of(base, images())[0]
    for model in (ours.model, theirs):
        assert np.abs(outputs_of(model, images())[0] - wanted).max() < 1e-4 * np.abs(wanted).max()
    assert [each.name for each in ours.model.layers[1:]] == [each.name for each in theirs.layers[1:]]
    for one, other in zip(ours.model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def as_config_says(base: Any, change: Any) -> Any:
    """The base made anew from configs in which `change(layer, config)` changed arguments, on the same weights."""

    def fresh(layer: Any) -> Any:
        config = layer.get_config()
        change(layer, config)
        return type(layer).from_config(config)

    model = keras.models.clone_model(base, clone_function=fresh)
    model.set_weights(base.get_weights())
    return model


@pytest.mark.parametrize(
    ("application", "arguments"),
    [
        ("VGG16", {"input_shape": (32, 32, 3), "classes": 10}),
        pytest.param("ResNet50", SMALL, marks=pytest.mark.slow),  # in every run a MobileNetV2 has its layers changed
    ],
    ids=["VGG16", "ResNet50"],
)
def test_swish_for_relu_in_activations(application: str, arguments: dict[str, Any], weights: Path) -> None:
    overrides = [f"base.{key}={list(value) if isinstance(value, tuple) else value}" for key, value in arguments.items()]
    file = base_file(application, weights, **arguments)
    ours = compiled("swish_activations", f"base.application={application}", *overrides, base=file)

    def change(layer: Any, config: dict[str, Any]) -> None:
        if config.get("activation") == "relu":
            config["activation"] = "swish"

    theirs = as_config_says(base_model(application, **arguments), change)
    assert_same(ours, theirs, images(*arguments["input_shape"]))


def test_swish_for_relu_layers(weights: Path) -> None:
    arguments = {**SMALL, "alpha": 0.35}
    file = base_file("MobileNetV2", weights, **arguments)
    ours = compiled("swish_layers", SET_SMALL, "base.alpha=0.35", base=file)
    base = base_model("MobileNetV2", **arguments)

    def change(layer: Any, taken: Any) -> Any:
        return keras.activations.swish(taken) if isinstance(layer, layers.ReLU) else layer(taken)

    assert_same(ours, rebuilt(base, change), images())


@pytest.mark.slow
def test_a_dilated_resnet50(weights: Path) -> None:
    ours, base = resnet("dilated_resnet50", weights)

    def change(layer: Any, config: dict[str, Any]) -> None:
        if layer.name in ("conv5_block1_0_conv", "conv5_block1_1_conv"):
            config["strides"] = (1, 1)
        if layer.name in [f"conv5_block{block}_2_conv" for block in (1, 2, 3)]:
            config["dilation_rate"] = (2, 2)

    assert_same(ours, as_config_says(base, change), images())
    assert ours.model.output_shape == (None, 4, 4, 2048)


def test_larger_kernels_of_vgg16(weights: Path) -> None:
    ours = compiled("larger_kernels", SET_SMALL, base=base_file("VGG16", weights, **SMALL))
    base = base_model("VGG16", **SMALL)

    def change(layer: Any, taken: Any) -> Any:
        if not layer.name.startswith("block1_conv"):
            return layer(taken)
        larger = layers.Conv2D(64, 5, padding="same", activation="relu")
        tensor = larger(taken)
        larger.set_weights([ops.pad(layer.kernel, [(1, 1), (1, 1), (0, 0), (0, 0)]), layer.bias])
        return tensor

    assert_same(ours, rebuilt(base, change), images())
    [wanted], [found] = outputs_of(base, images()), outputs_of(ours.model, images())
    assert np.abs(found - wanted).max() < 1e-5 * np.abs(wanted).max()
