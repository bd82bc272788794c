"""SC408 is told where Keras itself adds biases along another axis, and nowhere else."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import compile_spec, load_spec, plan_spec
from spec_compiler.plan import Plan
from spec_compiler.plan.warnings import lint
from tests.backend.conftest import randomized

L = keras.layers
FIRST = {"data_format": "channels_first", "padding": "same"}
on_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="it is TensorFlow's `bias_add`")


def codes(plan: Plan) -> list[str]:
    return [each.code for each in lint(load_spec({"spec": 1}), plan)]


# Each with what it is called on, and the axis of its channels; those that run on a CPU without oneDNN as well.
LAYERS: dict[str, tuple[Any, tuple[int, ...], int]] = {
    "of a volume": (lambda filters: L.Conv3D(filters, 3, **FIRST), (3, 4, 7, 5), 1),
    "separable": (lambda filters: L.SeparableConv1D(filters, 3, **FIRST), (3, 5), 1),
    "depthwise": (lambda filters: L.DepthwiseConv2D(3, depth_multiplier=filters, **FIRST), (1, 7, 5), 1),
    "channels last": (lambda filters: L.Conv2D(filters, 3, padding="same"), (7, 5, 3), 3),
    "einsum": (lambda units: L.EinsumDense("abc,bd->adc", (units, 5), bias_axes="d"), (3, 5), 1),
    "einsum, last": (lambda units: L.EinsumDense("abc,cd->abd", (None, units), bias_axes="d"), (5, 3), 2),
}


@on_tensorflow
@pytest.mark.parametrize("size", [1, 4, 5, 7])
@pytest.mark.parametrize("name", LAYERS)
def test_it_is_told_where_keras_does_so(name: str, size: int) -> None:
    make, shape, axis = LAYERS[name]
    layer = make(size)
    model = randomized(keras.Sequential([keras.Input(shape), layer]))
    x = np.random.default_rng(5).normal(size=(2, *shape)).astype("float32")
    with_biases, biases = keras.ops.convert_to_numpy(model(x)), keras.ops.convert_to_numpy(layer.bias).reshape(-1)
    layer.bias.assign(keras.ops.zeros_like(layer.bias))
    without = keras.ops.convert_to_numpy(model(x))
    wanted = without + biases.reshape([-1 if at == axis else 1 for at in range(without.ndim)])
    is_right = bool(np.allclose(with_biases, wanted, atol=1e-5))
    other = plan_spec({"spec": 1}, base=keras.Sequential([keras.Input(shape), L.Identity()])).before
    after = plan_spec({"spec": 1}, base=model).after
    assert ("SC408" in codes(Plan("new", other, after))) is not is_right
    assert "SC408" not in codes(Plan("as it was", after, after))
    assert is_right is not (name in ("of a volume", "separable", "depthwise", "einsum") and size == 5)


@on_tensorflow
def test_a_pruned_layer_that_comes_into_that_state() -> None:
    image = keras.Input((3, 4, 6, 5), name="image")
    x = L.Conv3D(8, 3, name="conv", **FIRST)(image)
    base = randomized(keras.Model(image, L.Conv3D(2, 3, name="last", **FIRST)(x)))
    pixels = np.random.default_rng(2).normal(size=(2, 3, 4, 6, 5)).astype("float32")
    for gone, is_told in (([0, 2, 7], True), ([0, 2], False)):
        compiled = compile_spec({"spec": 1, "prune": {"channels": {"conv": gone}}}, base=base)
        told = [each for each in lint(compiled.spec, compiled.plan) if each.code == "SC408"]
        assert [each.path for each in told] == [("prune", 0)] * is_told
        masked = keras.models.clone_model(base)
        masked.set_weights(base.get_weights())
        kernel = keras.ops.convert_to_numpy(masked.get_layer("last").kernel).copy()
        kernel[:, :, :, gone, :] = 0
        masked.get_layer("last").kernel.assign(kernel)
        one, other = (keras.ops.convert_to_numpy(model(pixels)) for model in (compiled.model, masked))
        assert bool(np.allclose(one, other, atol=1e-5)) is not is_told
