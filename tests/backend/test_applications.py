"""Every application of Keras: an empty spec and six edits against the same written by hand in plain Keras.

By hand means `keras.Model` on the base's own tensors, or `keras.models.clone_model` with the base's own layers and a
function that calls one of them differently.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import compile_spec
from spec_compiler.backend.models.symbolic import deep
from tests.backend.conftest import assert_same_bits, outputs_of

FAST = ("EfficientNetB0", "MobileNetV3Small")
ALL = sorted(name for name, each in vars(keras.applications).items() if inspect.isfunction(each) and name[0].isupper())
ACTIVATIONS = (keras.layers.Activation, keras.layers.ReLU)


def perturbed(model: Any) -> Any:
    """The model with its vectors (biases, scales, statistics) moved off their initial values."""
    random = np.random.default_rng(0)
    for variable in model.weights:
        if len(variable.shape) == 1 and str(variable.dtype) == "float32":
            variable.assign(variable + random.uniform(0.01, 0.1, variable.shape).astype("float32"))
    return model


def make_base(name: str) -> Any:
    size = 75 if "Inception" in name or name == "Xception" else 64
    return perturbed(getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(size, size, 3)))


def again(base: Any, call: Callable[..., Any]) -> Any:
    """The base with its own layers, each called by `call(layer, *args, **kwargs)`."""
    return keras.models.clone_model(base, clone_function=lambda layer: layer, call_function=call)


def same(compiled: Any, by_hand: Any, image: Any) -> None:
    found, expected = outputs_of(compiled.model, image), outputs_of(by_hand, image)
    assert all(np.isfinite(each).all() for each in expected)
    assert_same_bits(found, expected)


def middle(base: Any, kinds: Any) -> str:
    """The layer of one of the classes that is nearest to the middle, takes one tensor and puts out one of its shape."""
    found = [
        index
        for index, layer in enumerate(base.layers)
        if type(layer) in kinds and not isinstance(layer.input, list) and layer.input.shape == layer.output.shape
    ]
    return str(base.layers[min(found, key=lambda index: abs(index - len(base.layers) // 2))].name)


def check_application(name: str) -> None:
    base = make_base(name)
    image = np.random.default_rng(1).uniform(-1, 1, (1, *base.input_shape[1:])).astype("float32")
    has = {type(layer) for layer in base.layers}
    quiet = [kind for kind in (*ACTIVATIONS, keras.layers.Dropout) if kind in has]

    same(compile_spec({"spec": 1}, base=base), base, image)

    cut = base.layers[len(base.layers) // 2].name
    same(
        compile_spec({"spec": 1, "cut_at": cut}, base=base), keras.Model(base.input, base.get_layer(cut).output), image
    )

    taps = [base.layers[len(base.layers) * part // 4].name for part in (1, 2, 3)]
    by_hand = keras.Model(base.input, [base.get_layer(tap).output for tap in taps])
    same(compile_spec({"spec": 1, "outputs": taps}, base=base), by_hand, image)

    head = compile_spec(
        {"spec": 1, "head": ["GlobalAveragePooling2D", {"Dense": {"units": 3, "name": "new"}}]}, base=base
    )
    dense = keras.layers.Dense(3)
    by_hand = keras.Model(base.input, dense(keras.layers.GlobalAveragePooling2D()(base.output)))
    dense.set_weights(head.model.get_layer("new").get_weights())
    same(head, by_hand, image)

    if quiet:
        gone = middle(base, quiet)
        by_hand = again(base, lambda layer, *args, **kw: args[0] if layer.name == gone else layer(*args, **kw))
        same(compile_spec({"spec": 1, "remove": gone}, base=base), by_hand, image)

        entry = {"Rescaling": {"scale": 0.5, "name": "{name}_half"}}
        inserted = {
            "spec": 1,
            "insert": [{"after": {"each": [f"type:{kind.__name__}" for kind in quiet]}, "with": [entry]}],
        }

        def halved(layer: Any, *args: Any, **kw: Any) -> Any:
            result = layer(*args, **kw)
            return keras.layers.Rescaling(0.5)(result) if type(layer) in quiet else result

        same(compile_spec(inserted, base=base), again(base, halved), image)

    convolution = next(
        layer
        for layer in base.layers[len(base.layers) // 2 :]
        if type(layer)
        in (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D, keras.layers.Dense)
    )
    config = {
        key: value for key, value in convolution.get_config().items() if isinstance(value, str | int | bool | tuple)
    }
    entry = {type(convolution).__name__: {**_plain(config), "name": "fresh"}}
    replaced = compile_spec({"spec": 1, "replace": [{"layers": convolution.name, "with": [entry]}]}, base=base)
    fresh = type(convolution).from_config({**convolution.get_config(), "name": "fresh"})
    by_hand = again(base, lambda layer, *args, **kw: fresh(*args, **kw) if layer is convolution else layer(*args, **kw))
    fresh.set_weights(replaced.model.get_layer("fresh").get_weights())
    same(replaced, by_hand, image)


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in config.items()
        if key not in ("name", "dtype", "trainable", "data_format")
    }


@pytest.mark.filterwarnings("ignore:.*input_shape.*:UserWarning")
@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in ALL])
def test_an_application(name: str) -> None:
    with deep(5000):  # plain Keras, with which this compares, cannot make EfficientNetV2L with a layer more a block
        check_application(name)


def test_all_of_them_are_tested() -> None:
    assert len(ALL) >= 38
