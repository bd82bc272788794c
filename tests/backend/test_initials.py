"""First values that are drawn without Keras, beside those of the layers that Keras makes."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import compile_spec
from spec_compiler.weights.initials import _ORDER, Unknown, initial
from spec_compiler.weights.philox import uniform

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="numbers are drawn as TensorFlow does")
UNIFORM: dict[str, Any] = {
    "GlorotUniform": {"seed": 3},
    "HeUniform": {},
    "LecunUniform": {},
    "RandomUniform": {"minval": -0.2, "maxval": 0.7},
}
# By class, the layers of a chain on pictures that end in it; `*` gives initializers of every kind to it.
CHAINS: dict[str, list[Any]] = {
    "Dense": [{"Dense": {"units": 7}}],
    "EinsumDense": [{"EinsumDense": {"equation": "abcd,de->abce", "output_shape": [None, None, 5], "bias_axes": "e"}}],
    "Conv1D": [{"Reshape": {"target_shape": [64, 3]}}, {"Conv1D": {"filters": 5, "kernel_size": 3}}],
    "Conv2D": [{"Conv2D": {"filters": 5, "kernel_size": 3}}],
    "Conv3D": [{"Reshape": {"target_shape": [4, 4, 4, 3]}}, {"Conv3D": {"filters": 5, "kernel_size": 2}}],
    "Conv1DTranspose": [{"Reshape": {"target_shape": [64, 3]}}, {"Conv1DTranspose": {"filters": 5, "kernel_size": 3}}],
    "Conv2DTranspose": [{"Conv2DTranspose": {"filters": 5, "kernel_size": 3}}],
    "Conv3DTranspose": [
        {"Reshape": {"target_shape": [4, 4, 4, 3]}}, {"Conv3DTranspose": {"filters": 5, "kernel_size": 2}}
    ],
    "DepthwiseConv1D": [
        {"Reshape": {"target_shape": [64, 3]}}, {"DepthwiseConv1D": {"kernel_size": 3, "depth_multiplier": 2}}
    ],
    "DepthwiseConv2D": [{"DepthwiseConv2D": {"kernel_size": 3, "depth_multiplier": 2}}],
    "SeparableConv1D": [{"Reshape": {"target_shape": [64, 3]}}, {"SeparableConv1D": {"filters": 5, "kernel_size": 3}}],
    "SeparableConv2D": [{"SeparableConv2D": {"filters": 5, "kernel_size": 3}}],
    "BatchNormalization": ["BatchNormalization"],
    "LayerNormalization": ["LayerNormalization"],
    "GroupNormalization": [{"GroupNormalization": {"groups": 3}}],
    "Embedding": ["Flatten", {"Embedding": {"input_dim": 11, "output_dim": 4}}],
    "PReLU": ["PReLU"],
}  # fmt: skip


def test_every_class_that_is_known_is_tried() -> None:
    assert CHAINS.keys() == _ORDER.keys()


@pytest.mark.parametrize("kind", ["the usual", *UNIFORM, "Constant", "two kinds"])
@pytest.mark.parametrize("name", CHAINS)
def test_the_first_values_are_those_of_keras(name: str, kind: str) -> None:
    *before, last = CHAINS[name]
    arguments = dict(last[name]) if isinstance(last, dict) else {}
    said = _ORDER[name]
    if kind == "Constant":
        arguments |= {f"{said[-1]}_initializer": {"Constant": {"value": 0.25}}}
    elif kind == "two kinds":  # each draws its seed, in the order in which they are made
        arguments |= {f"{each}_initializer": {"RandomUniform": {"minval": -1.0, "maxval": 2.0}} for each in said}
    elif kind != "the usual":
        arguments |= {f"{said[0]}_initializer": {kind: UNIFORM[kind]}}
    base = keras.Model(inputs := keras.Input((8, 8, 3)), keras.layers.Activation("linear", name="start")(inputs))
    spec = {"spec": 1, "seed": 5, "head": [*before, {name: {**arguments, "name": "subject"}}]}
    compiled = compile_spec(spec, base=base)
    layer = compiled.plan.after.layers["subject"]
    assert layer.variables
    for described, variable in zip(layer.variables, compiled.model.get_layer("subject").variables, strict=True):
        ours = initial(5, layer, described, described.shape)()
        assert ours.dtype == np.float32
        np.testing.assert_array_equal(ours, keras.ops.convert_to_numpy(variable), err_msg=described.path)


@pytest.mark.parametrize("initializer", ["orthogonal", "he_normal", "random_normal", "truncated_normal", "identity"])
def test_what_only_keras_draws_is_not_known(initializer: str) -> None:
    base = keras.Model(inputs := keras.Input((6,)), keras.layers.Activation("linear")(inputs))
    spec = {"spec": 1, "head": [{"Dense": {"units": 6, "name": "subject", "kernel_initializer": initializer}}]}
    layer = compile_spec(spec, base=base).plan.after.layers["subject"]
    kernel, bias = layer.variables or ()
    with pytest.raises(Unknown, match="`subject/kernel`"):
        initial(0, layer, kernel, kernel.shape)
    np.testing.assert_array_equal(initial(0, layer, bias, bias.shape)(), np.zeros(6, "float32"))


@pytest.mark.parametrize("seed", [1, 7, 999_999_999, 2**31 - 3, 2**31 - 2, 2**31 - 1])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (1001, 3), (3, 3, 64, 7)])
def test_uniform_numbers_are_those_of_tensorflow(seed: int, shape: tuple[int, ...]) -> None:
    wanted = keras.ops.convert_to_numpy(keras.random.uniform(shape, -0.3, 0.7, seed=seed))
    np.testing.assert_array_equal(uniform(shape, seed, -0.3, 0.7), wanted)


def test_uniform_numbers_in_several_pieces() -> None:
    wanted = keras.ops.convert_to_numpy(keras.random.uniform((3, 1_000_003), seed=11))
    np.testing.assert_array_equal(uniform((3, 1_000_003), 11, 0.0, 1.0), wanted)
