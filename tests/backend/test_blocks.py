"""Each block of the package against published Keras code, by hand, bit for bit; and blocks of a spec's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from keras.src.applications import mobilenet_v2, resnet

from spec_compiler import CompiledSpec, compile_spec
from spec_compiler.text.imports import library_names

SIZE, CHANNELS = 16, 8
Made = Callable[[Any], Any]  # adds a layer to those that are compared, in order


def picture() -> keras.Model:
    image = keras.Input((SIZE, SIZE, CHANNELS), name="image")
    fine = layers.Activation("linear", name="fine")(image)
    middle = layers.AveragePooling2D(2, name="middle")(fine)
    return keras.Model(image, layers.AveragePooling2D(2, name="coarse")(middle))


def series() -> keras.Model:
    steps = keras.Input((6, CHANNELS), name="steps")
    return keras.Model(steps, layers.Activation("linear", name="last")(steps))


def taps(x: Any) -> tuple[Any, Any, Any]:
    """The three sizes of `picture`."""
    middle = layers.AveragePooling2D(2)(x)
    return x, middle, layers.AveragePooling2D(2)(middle)


def se(x: Any, made: Made) -> Any:
    factor = layers.GlobalAveragePooling2D(keepdims=True)(x)
    factor = made(layers.Conv2D(CHANNELS // 2, 1, activation="relu"))(factor)
    return layers.multiply([x, made(layers.Conv2D(CHANNELS, 1, activation="sigmoid"))(factor)])


def cbam(x: Any, made: Made) -> Any:
    squeeze = made(layers.Dense(CHANNELS // 4, activation="relu"))
    excite = made(layers.Dense(CHANNELS))
    mean = layers.Reshape((1, 1, CHANNELS))(layers.GlobalAveragePooling2D()(x))
    most = layers.Reshape((1, 1, CHANNELS))(layers.GlobalMaxPooling2D()(x))
    factor = layers.Add()([excite(squeeze(mean)), excite(squeeze(most))])
    x = layers.multiply([x, layers.Activation("sigmoid")(factor)])
    pooled = [keras.ops.mean(x, axis=3, keepdims=True), keras.ops.max(x, axis=3, keepdims=True)]
    place = made(layers.Conv2D(1, 7, padding="same", activation="sigmoid", use_bias=False))
    return layers.multiply([x, place(layers.Concatenate(axis=3)(pooled))])


def residual(x: Any, made: Made) -> Any:
    y = x
    for activation in (layers.ReLU(), None):
        y = made(layers.Conv2D(CHANNELS, 3, padding="same", use_bias=False))(y)
        y = made(layers.BatchNormalization(momentum=0.9, epsilon=1e-5))(y)
        y = activation(y) if activation is not None else y
    return layers.ReLU()(layers.Add()([x, y]))


def residual_down(x: Any, made: Made) -> Any:
    shortcut = made(layers.Conv2D(12, 1, strides=2, use_bias=False))(x)
    shortcut = made(layers.BatchNormalization(momentum=0.9, epsilon=1e-5))(shortcut)
    y = made(layers.Conv2D(12, 3, strides=2, use_bias=False))(layers.ZeroPadding2D(1)(x))
    y = layers.ReLU()(made(layers.BatchNormalization(momentum=0.9, epsilon=1e-5))(y))
    y = made(layers.Conv2D(12, 3, padding="same", use_bias=False))(y)
    y = made(layers.BatchNormalization(momentum=0.9, epsilon=1e-5))(y)
    return layers.ReLU()(layers.Add()([shortcut, y]))


def named(x: Any, y: Any, made: Made, names: list[str]) -> Any:
    """What a function of `keras.applications` gave, whose layers have these names."""
    model = keras.Model(x, y)
    for name in names:
        made(model.get_layer(name))
    return y


def bottleneck(x: Any, made: Made) -> Any:
    y = resnet.residual_block_v1(x, CHANNELS // 4, conv_shortcut=False, name="b")
    return named(x, y, made, [f"b_{at}_{kind}" for at in (1, 2, 3) for kind in ("conv", "bn")])


def bottleneck_down(x: Any, made: Made) -> Any:
    y = resnet.residual_block_v1(x, 3, stride=2, name="d")
    return named(x, y, made, [f"d_{at}_{kind}" for at in (0, 1, 2, 3) for kind in ("conv", "bn")])


MOBILE = ["expand", "expand_BN", "depthwise", "depthwise_BN", "project", "project_BN"]


def inverted_residual(x: Any, made: Made) -> Any:
    y = mobilenet_v2._inverted_res_block(x, expansion=6, stride=1, alpha=1, filters=CHANNELS, block_id=1)
    return named(x, y, made, [f"block_1_{each}" for each in MOBILE])


def inverted_residual_down(x: Any, made: Made) -> Any:
    y = mobilenet_v2._inverted_res_block(x, expansion=6, stride=2, alpha=1, filters=16, block_id=2)
    return named(x, y, made, [f"block_2_{each}" for each in MOBILE])


def dilated_conv(x: Any, made: Made, kernel_size: int = 3, dilation_rate: int = 1, use_bias: bool = False) -> Any:
    x = made(layers.Conv2D(6, kernel_size, dilation_rate=dilation_rate, padding="same", use_bias=use_bias))(x)
    return keras.ops.nn.relu(made(layers.BatchNormalization())(x))


def aspp(x: Any, made: Made) -> Any:
    whole = layers.AveragePooling2D(pool_size=(SIZE, SIZE))(x)
    whole = dilated_conv(whole, made, kernel_size=1, use_bias=True)
    whole = layers.UpSampling2D(size=(SIZE, SIZE), interpolation="bilinear")(whole)
    rates = [dilated_conv(x, made, kernel_size=1 if rate == 1 else 3, dilation_rate=rate) for rate in (1, 6, 12, 18)]
    return dilated_conv(layers.Concatenate(axis=-1)([whole, *rates]), made, kernel_size=1)


def unet_up(x: Any, made: Made) -> Any:
    fine, middle, _ = taps(x)
    up = made(layers.Conv2D(5, 2, activation="relu", padding="same"))(layers.UpSampling2D(size=(2, 2))(middle))
    y = layers.concatenate([fine, up], axis=3)
    y = made(layers.Conv2D(5, 3, activation="relu", padding="same"))(y)
    return made(layers.Conv2D(5, 3, activation="relu", padding="same"))(y)


def fpn(x: Any, made: Made) -> Any:
    c3, c4, c5 = taps(x)
    p5 = made(layers.Conv2D(4, 1, 1, "same"))(c5)
    p4 = made(layers.Conv2D(4, 1, 1, "same"))(c4) + layers.UpSampling2D(2)(p5)
    p3 = made(layers.Conv2D(4, 1, 1, "same"))(c3) + layers.UpSampling2D(2)(p4)
    outputs = [made(layers.Conv2D(4, 3, 1, "same"))(each) for each in (p3, p4, p5)]
    p6 = made(layers.Conv2D(4, 3, 2, "same"))(c5)
    return [*outputs, p6, made(layers.Conv2D(4, 3, 2, "same"))(keras.ops.nn.relu(p6))]


def fpn_level(x: Any, made: Made) -> Any:
    fine, middle, _ = taps(x)
    return made(layers.Conv2D(CHANNELS, 1, 1, "same"))(fine) + layers.UpSampling2D(2)(middle)


def transformer_encoder(x: Any, made: Made) -> Any:
    y = made(layers.MultiHeadAttention(key_dim=3, num_heads=2, dropout=0.1))(x, x)
    y = made(layers.LayerNormalization(epsilon=1e-6))(layers.Dropout(0.1)(y))
    res = y + x
    y = made(layers.Conv1D(filters=5, kernel_size=1, activation="relu"))(res)
    y = made(layers.Conv1D(filters=CHANNELS, kernel_size=1))(layers.Dropout(0.1)(y))
    return made(layers.LayerNormalization(epsilon=1e-6))(y) + res


def head(made: Made) -> keras.Model:
    tower = keras.Sequential([keras.Input(shape=[None, None, CHANNELS])])
    for _ in range(4):
        tower.add(made(layers.Conv2D(4, 3, padding="same")))
        tower.add(layers.ReLU())
    tower.add(made(layers.Conv2D(9, 3, 1, padding="same")))
    return tower


def detection_head(x: Any, made: Made) -> Any:
    return head(made)(x)


def twice(x: Any, made: Made) -> Any:
    tower = head(made)
    return [tower(each) for each in taps(x)[:2]]


FINE = {"from": "fine"}
CASES: dict[str, tuple[Callable[[Any, Made], Any], dict[str, Any]]] = {
    "se": (se, {"head": [{"se": {"ratio": 2}, **FINE}]}),
    "cbam": (cbam, {"head": [{"cbam": {"ratio": 4}, **FINE}]}),
    "residual": (residual, {"head": [{"residual": None, **FINE}]}),
    "residual_down": (residual_down, {"head": [{"residual_down": {"filters": 12}, **FINE}]}),
    "bottleneck": (bottleneck, {"head": [{"bottleneck": {}, **FINE}]}),
    "bottleneck_down": (bottleneck_down, {"head": [{"bottleneck_down": {"filters": 3}, **FINE}]}),
    "inverted_residual": (inverted_residual, {"head": [{"inverted_residual": {}, **FINE}]}),
    "inverted_residual_down": (
        inverted_residual_down,
        {"head": [{"inverted_residual_down": {"filters": 16}, **FINE}]},
    ),
    "dilated_conv": (dilated_conv, {"head": [{"dilated_conv": {"filters": 6}, **FINE}]}),
    "aspp": (aspp, {"head": [{"aspp": {"size": SIZE, "filters": 6}, **FINE}]}),
    "unet_up": (unet_up, {"head": [{"unet_up": {"filters": 5, "skip": "fine"}, "from": "middle"}]}),
    "fpn": (
        fpn,
        {
            "head": [{"fpn": {"c3": "fine", "c4": "middle", "c5": "coarse", "filters": 4, "name": "pyramid"}}],
            "outputs": [f"pyramid/p{level}" for level in (3, 4, 5, 6, 7)],
        },
    ),
    "fpn_level": (fpn_level, {"head": [{"fpn_level": {"coarser": "middle", "filters": CHANNELS}, **FINE}]}),
    "transformer_encoder": (
        transformer_encoder,
        {"head": [{"transformer_encoder": {"head_size": 3, "num_heads": 2, "ff_dim": 5, "dropout": 0.1}}]},
    ),
    "detection_head": (detection_head, {"head": [{"detection_head": {"outputs": 9, "filters": 4}, **FINE}]}),
}


def test_every_block_of_the_package_is_compared() -> None:
    assert set(CASES) == set(library_names())


ONCE_MORE = {
    "head": [
        {"detection_head": {"outputs": 9, "filters": 4, "name": "boxes"}, **FINE},
        {"layer": "boxes", "from": "middle", "name": "again"},
        {"Identity": {}, "from": "again"},
    ],
    "outputs": ["boxes/out@0", "identity"],
}


@pytest.mark.parametrize("name", [*CASES, "once more"])
def test_a_block_is_the_published_code(name: str) -> None:
    by_hand, spec = CASES.get(name, (twice, ONCE_MORE))
    base = series() if name == "transformer_encoder" else picture()
    compiled = compile_spec({"spec": 1, **spec}, base=base)
    made: list[Any] = []

    def kept(layer: Any) -> Any:
        made.append(layer)
        return layer

    data = keras.Input(base.input_shape[1:])
    hand = keras.Model(data, by_hand(data, kept))
    random = np.random.default_rng(0)
    new = [layer for layer in new_layers(compiled) if layer.weights]
    assert len(new) == len(made)
    for layer, other in zip(new, made, strict=True):
        # The variance of a normalization is positive.
        values = [random.uniform(0.1, 1, each.shape) for each in layer.get_weights()]
        layer.set_weights(values)
        other.set_weights(values)
    inputs = random.normal(size=(2, *base.input_shape[1:])).astype("float32")
    found, expected = compiled.model(inputs, training=False), hand(inputs, training=False)
    for each, other in zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(each), keras.ops.convert_to_numpy(other))


def new_layers(compiled: CompiledSpec) -> list[Any]:
    """The new layers of a result in the order in which the spec has them."""
    new = [layer for layer in compiled.plan.after.layers.values() if layer.is_new and layer.kind == "layer"]
    return [compiled.model.get_layer(layer.name_in_keras) for layer in new]


def test_copies_are_a_chain_with_names_of_their_own() -> None:
    spec = {
        "spec": 1,
        "blocks": {
            "conv": {
                "vars": {"filters": None},
                "layers": [
                    {"Conv2D": {"filters": "${filters * index}", "kernel_size": 3, "padding": "same", "name": "conv"}},
                    "ReLU",
                ],
            }
        },
        "head": [{"conv": {"filters": 4, "times": 3, "name": "stage"}}],
    }
    base = picture()
    compiled = compile_spec(spec, base=base)
    convolutions = [each for each in compiled.plan.after.layers.values() if each.class_name == "Conv2D"]
    assert [each.name for each in convolutions] == [f"stage_{at}/conv" for at in (1, 2, 3)]
    assert [each.config["config"]["filters"] for each in convolutions] == [4, 8, 12]
    assert compiled.model.output_shape == (None, 4, 4, 12)


def test_a_block_in_the_place_of_each_match() -> None:
    """What flows in is of another width at each place, and `in` is that of the place."""
    image = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(8, 3, name="a")(image)
    base = keras.Model(image, layers.Conv2D(16, 3, name="b")(x))
    spec = {"spec": 1, "insert": [{"after": {"each": "type:Conv2D"}, "with": {"se": {"ratio": 4}}}]}
    compiled = compile_spec(spec, base=base)
    filters = [layer.filters for layer in new_layers(compiled) if hasattr(layer, "filters")]
    assert filters == [2, 8, 4, 16]
