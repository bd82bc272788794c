"""A `Dense` as a convolution and back: what it puts out is the same, in every rank, data format and form of a base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from spec_compiler import SpecError, compile_spec
from tests.backend.base_forms import FORMS, actions, compiled, filled, promised
from tests.backend.conftest import outputs_of

FORMATS = ("channels_last", "channels_first")
SIZES = ((4,), (4, 3), (2, 4, 3))


def to_conv(of: str, size: Any, **arguments: Any) -> Any:
    rank = len(size) if isinstance(size, tuple) else 2
    entry = {f"Conv{rank}D": {"filters": 5, "kernel_size": list(size), "name": "conv", **arguments}}
    return {**entry, "weights": {"of": of, "reshape": "dense_to_conv"}}


def dense_on(shape: tuple[int, ...], **flatten: Any) -> Any:
    inputs = keras.Input(shape)
    x = layers.Dropout(0.5)(layers.Flatten(name="flat", **flatten)(inputs))
    return filled(keras.Model(inputs, layers.Dense(5, activation="tanh", name="dense")(x)))


def convolved(layer: Any, images: Any) -> Any:
    """What a convolution makes of images as large as its kernel, whose axes are those of the places, in, out."""
    kernel, bias = layer.get_weights()
    images = np.moveaxis(images, 1, -1) if layer.data_format == "channels_first" else images
    return images.reshape(len(images), -1) @ kernel.reshape(-1, kernel.shape[-1]) + bias


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("flattens", FORMATS)
@pytest.mark.parametrize("data_format", FORMATS)
def test_a_dense_as_a_convolution(size: tuple[int, ...], data_format: str, flattens: str) -> None:
    first = data_format == "channels_first"
    base = dense_on((2, *size) if first else (*size, 2), data_format=flattens)
    entry = to_conv("dense", size, data_format=data_format, activation="tanh")
    result = compile_spec({"spec": 1, "replace": {"layers": "flat..dense", "with": entry}}, base=base)
    images = np.random.default_rng(1).normal(size=(3, *base.input_shape[1:])).astype("float32")
    wanted = outputs_of(base, images)[0]
    np.testing.assert_allclose(np.tanh(convolved(result.model.get_layer("conv"), images)), wanted, rtol=1e-5, atol=1e-6)
    if not first:  # TensorFlow convolves no others on a CPU
        np.testing.assert_allclose(outputs_of(result.model, images)[0].reshape(3, 5), wanted, rtol=1e-5, atol=1e-6)
    assert actions(result, "conv") == {"kernel": "adapted", "bias": "adapted"}
    assert promised(result) == ("exact", f"the function, on a map of {' x '.join(map(str, size))}")


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("flattens", FORMATS)
@pytest.mark.parametrize("data_format", FORMATS)
def test_a_convolution_as_a_dense(size: tuple[int, ...], data_format: str, flattens: str) -> None:
    inputs = keras.Input((2, *size) if data_format == "channels_first" else (*size, 2))
    conv = getattr(layers, f"Conv{len(size)}D")(5, size, data_format=data_format, name="conv")
    base = filled(keras.Model(inputs, conv(inputs)))
    dense = {"Dense": {"units": 5, "name": "dense"}, "weights": {"of": "conv", "reshape": "conv_to_dense"}}
    chain = [{"Flatten": {"data_format": flattens}}, dense]
    result = compile_spec({"spec": 1, "replace": {"layers": "conv", "with": chain}}, base=base)
    images = np.random.default_rng(1).normal(size=(3, *base.input_shape[1:])).astype("float32")
    wanted = convolved(base.get_layer("conv"), images)
    np.testing.assert_allclose(outputs_of(result.model, images)[0], wanted, rtol=1e-5, atol=1e-6)
    assert promised(result)[0] == "exact"


@pytest.mark.parametrize("form", FORMS)
def test_every_number_is_where_the_formula_has_it(form: str, tmp_path: Path) -> None:
    base = dense_on((3, 2, 4))
    spec = {"replace": {"layers": "flat..dense", "with": to_conv("dense", (3, 2), activation="tanh")}}
    result = compiled(spec, base, form, tmp_path)
    kernel, bias = base.get_layer("dense").get_weights()
    ours, own_bias = result.model.get_layer("conv").get_weights()
    for row in range(3):
        for column in range(2):
            for channel in range(4):
                assert np.array_equal(ours[row, column, channel], kernel[(row * 2 + column) * 4 + channel])
    assert np.array_equal(own_bias, bias)
    row = next(row for row in result.weights.rows if row.variable == "kernel" and row.layer == "conv")
    assert row.formula == "the kernel reshaped to the size of the map before the Flatten"
    assert row.source
    assert row.source_checksum


def head_of(*entries: Any) -> Any:
    pool = [layers.Conv2D(6, 1, name="last"), layers.GlobalAveragePooling2D(name="pool")]
    inputs = keras.Input((4, 4, 2))
    x = inputs
    for layer in (*pool, layers.Dense(5, name="dense")):
        x = layer(x)
    base = filled(keras.Model(inputs, x))
    return [base, compile_spec({"spec": 1, "replace": {"layers": "pool..dense", "with": [*entries]}}, base=base)]


def test_a_dense_behind_a_pooling_as_a_convolution_before_it() -> None:
    """The mean of a linear layer is the linear layer of the mean: a map of classes."""
    base, result = head_of(to_conv("dense", (1, 1)), "GlobalAveragePooling2D")
    images = np.random.default_rng(1).normal(size=(3, 4, 4, 2)).astype("float32")
    wanted = outputs_of(base, images)
    np.testing.assert_allclose(outputs_of(result.model, images)[0], wanted[0], rtol=1e-5, atol=1e-6)


def test_a_convolution_of_one_place_as_a_dense_behind_a_pooling() -> None:
    inputs = keras.Input((4, 4, 2))
    conv = layers.Conv2D(5, 1, use_bias=False, name="conv")
    base = filled(keras.Model(inputs, layers.GlobalAveragePooling2D(name="pool")(conv(inputs))))
    dense = {"Dense": {"units": 5, "name": "dense"}, "weights": {"of": "conv", "reshape": "conv_to_dense"}}
    spec = {"spec": 1, "replace": {"layers": "conv..pool", "with": ["GlobalAveragePooling2D", dense]}}
    result = compile_spec(spec, base=base)
    images = np.random.default_rng(1).normal(size=(3, 4, 4, 2)).astype("float32")
    wanted = outputs_of(base, images)[0]
    np.testing.assert_allclose(outputs_of(result.model, images)[0], wanted, rtol=1e-5, atol=1e-6)
    bias = result.model.get_layer("dense").bias
    assert not np.any(bias)
    assert actions(result, "dense") == {"kernel": "adapted", "bias": "adapted"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, ("partly", "the function but its activation, on a map of 4 x 3")),
        ({"activation": "tanh", "use_bias": False}, ("partly", "the function but its bias, on a map of 4 x 3")),
        ({"activation": "tanh", "strides": 2}, ("exact", "the function, on a map of 4 x 3")),
    ],
)
def test_what_is_no_longer_the_function_is_said(arguments: dict[str, Any], says: tuple[str, str]) -> None:
    entry = to_conv("dense", (4, 3), **arguments)
    result = compile_spec({"spec": 1, "replace": {"layers": "flat..dense", "with": entry}}, base=dense_on((4, 3, 2)))
    assert promised(result) == says


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"kernel_size": [3, 2]}, "its kernel is 3 x 2, `dense` takes 4 x 3 places"),
        ({"filters": 6}, "it has 6 filters, `dense` has 5 units"),
        ({"padding": "same"}, "`conv` has `padding: same`, a `Dense` is a convolution without padding"),
    ],
)
def test_what_does_not_fit(arguments: dict[str, Any], says: str) -> None:
    entry = to_conv("dense", (4, 3), **arguments)
    with pytest.raises(SpecError) as caught:
        compile_spec({"spec": 1, "replace": {"layers": "flat..dense", "with": entry}}, base=dense_on((4, 3, 2)))
    (found,) = caught.value.diagnostics
    assert found.code == "SC407"
    assert found.message == f"`weights: dense_to_conv` does not fit `conv` (Conv2D): {says}"


def test_a_dense_behind_no_flatten_takes_one_place() -> None:
    with pytest.raises(SpecError) as caught:
        head_of(to_conv("dense", (2, 2)), "GlobalAveragePooling2D")
    (found,) = caught.value.diagnostics
    assert (found.code, found.help) == ("SC407", "write `kernel_size: 1`")
    assert "no `Flatten` stands before `dense`, which takes one place" in found.message


def test_inside_of_a_nested_model_and_of_a_shared_layer(tmp_path: Path) -> None:
    inner = dense_on((4, 3, 2))
    inner.name = "tower"
    left, right = keras.Input((4, 3, 2)), keras.Input((4, 3, 2))
    base = keras.Model([left, right], layers.Subtract(name="difference")([inner(left), inner(right)]))
    chain = [{"Reshape": [4, 3, 2]}, to_conv("{name}", (4, 3), activation="tanh"), "Flatten"]
    result = compiled({"replace": {"layers": {"each": "tower/dense"}, "with": chain}}, base, ".keras", tmp_path)
    assert actions(result, "conv") == {"kernel": "adapted", "bias": "adapted"}
    images = [np.random.default_rng(seed).normal(size=(3, 4, 3, 2)).astype("float32") for seed in (1, 2)]
    wanted = outputs_of(base, images)[0]
    assert np.abs(wanted).max() > 0.1
    np.testing.assert_allclose(outputs_of(result.model, images)[0], wanted, rtol=1e-5, atol=1e-6)
