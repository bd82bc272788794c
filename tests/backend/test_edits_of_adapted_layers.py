"""What an edit makes of a layer that has adapted weights already: the right function, and no promise that it breaks."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import compile_spec
from tests.backend.test_proven_adapters import classic
from tests.backend.test_prune import harsh

L = keras.layers


def run(model: Any, *inputs: Any) -> Any:
    return np.asarray(model(list(inputs) if len(inputs) > 1 else inputs[0]))


def noise(*shape: int) -> Any:
    return np.random.default_rng(7).normal(size=shape).astype("float32")


def compiled(base: Any, **spec: Any) -> Any:
    return compile_spec({"spec": 1, **spec}, base=base, prove=True)


def preserved(result: Any) -> dict[str, str]:
    return {each.strategy: each.preserves for each in result.plan.contracts}


def two_inputs() -> Any:
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 1), name="right")
    x = [L.Conv2D(6, 3, padding="same", name=f"{each.name}_conv")(each) for each in (left, right)]
    x = L.Conv2D(4, 3, name="mixed")(L.Concatenate(name="both")(x))
    return harsh(keras.Model([left, right], L.GlobalAveragePooling2D(name="mean")(x), name="two"))


def masked(base: Any, gone: list[int]) -> Any:
    """The base whose `norm2` puts out zeros for some channels."""
    for variable in (base.get_layer("norm2").gamma, base.get_layer("norm2").beta):
        array = np.array(variable)
        array[gone] = 0
        variable.assign(array)
    return base


def test_another_argument_of_a_layer_that_reads_other_channels() -> None:
    result = compiled(
        classic(), input={"channels": 1, "weights": "sum"}, set={"layers": "conv1", "to": {"activation": "tanh"}}
    )
    base, gray = classic(), noise(2, 8, 8, 1)
    base.get_layer("conv1").activation = keras.activations.tanh
    np.testing.assert_allclose(run(result.model, gray), run(base, np.repeat(gray, 3, -1)), atol=1e-5)
    assert preserved(result) == {"sum": "not"}


@pytest.mark.parametrize("key", ["kernel_regularizer", "bias_initializer"])
def test_an_argument_that_leaves_the_function_breaks_no_promise(key: str) -> None:
    value = {"kernel_regularizer": "l2", "bias_initializer": "ones"}[key]
    result = compiled(classic(), input={"channels": 1, "weights": "sum"}, set={"layers": "conv1", "to": {key: value}})
    assert preserved(result) == {"sum": "partly"}
    assert result.weights.proof.contracts[0].deviation is not None


@pytest.mark.parametrize(
    "first", [{"prune": {"channels": {"conv2": [0, 5]}}}, {"widen": {"layers": "conv2", "to": 12}}]
)
def test_another_argument_behind_channels_that_changed(first: dict[str, Any]) -> None:
    result = compiled(classic(), steps=[first, {"set": {"layers": "fc1", "to": {"activation": "tanh"}}}])
    base, x = masked(classic(), [0, 5] if "prune" in first else []), noise(2, 8, 8, 3)
    base.get_layer("fc1").activation = keras.activations.tanh
    np.testing.assert_allclose(run(result.model, x), run(base, x), atol=1e-5)
    assert {each.preserves for each in result.plan.contracts if "fc1" in each.layers} == {"not"}


def test_a_larger_kernel_that_reads_gray_with_another_argument_promises_nothing() -> None:
    to = {"kernel_size": 5, "activation": "tanh"}
    result = compiled(
        classic(), input={"channels": 1, "weights": "sum"}, set={"layers": "conv1", "to": to, "weights": "centre"}
    )
    assert preserved(result)["centre"] == "not"


@pytest.mark.parametrize(
    "edit", [{"prune": {"channels": {"left_conv": [1, 4]}}}, {"widen": {"layers": "left_conv", "to": 9}}]
)
def test_a_reader_whose_larger_kernel_computes_something_else(edit: dict[str, Any]) -> None:
    to = {"kernel_size": 5}  # with `padding: valid` another output
    result = compiled(two_inputs(), set={"layers": "mixed", "to": to, "weights": "centre"}, **edit)
    base, inputs = two_inputs(), (noise(2, 8, 8, 3), noise(2, 8, 8, 1))
    sides = zip(("left_conv", "right_conv"), inputs, strict=True)
    x = np.concatenate([run(base.get_layer(name), side) for name, side in sides], -1)
    if "prune" in edit:
        x[..., [1, 4]] = 0
    want = run(base.get_layer("mixed"), x)[:, 1:-1, 1:-1].mean((1, 2))
    np.testing.assert_allclose(run(result.model, *inputs), want, atol=1e-5)


def test_one_input_of_two_with_other_channels() -> None:
    result = compiled(two_inputs(), input={"layer": "left", "channels": 4, "weights": "zeros"})
    inputs = noise(2, 8, 8, 4), noise(2, 8, 8, 1)
    want = run(two_inputs(), inputs[0][..., :3], inputs[1])
    np.testing.assert_allclose(run(result.model, *inputs), want, atol=1e-5)
    assert result.weights.proof.tensors == 1  # that of the other input, which no edit reaches


@pytest.mark.parametrize("fold", [{}, {"fold": "batch_norm"}], ids=["", "folded"])
def test_a_new_layer_as_wide_as_what_flows_in_keeps_its_width(fold: dict[str, Any]) -> None:
    same = {"Conv2D": {"filters": "${in.channels}", "kernel_size": 1, "name": "same"}, "weights": "identity"}
    result = compiled(classic(), insert={"after": "relu2", "with": same}, prune={"channels": {"conv2": [0, 5]}}, **fold)
    x = noise(2, 8, 8, 3)
    np.testing.assert_allclose(run(result.model, x), run(masked(classic(), [0, 5]), x), atol=1e-5)
    assert result.model.get_layer("same").kernel.shape == (1, 1, 6, 8)


def test_a_new_layer_in_the_place_of_one_that_reads_fewer_channels() -> None:
    like = {"Dense": {"units": 16, "activation": "relu", "name": "fc"}, "weights": {"of": "fc1"}}
    result = compiled(
        classic(), replace={"layers": "fc1", "with": like}, prune={"channels": {"conv2": [0, 5]}}, fold="batch_norm"
    )
    x = noise(2, 8, 8, 3)
    np.testing.assert_allclose(run(result.model, x), run(masked(classic(), [0, 5]), x), atol=1e-5)


def test_the_plan_has_the_promise_of_every_edit_that_made_values_of_others() -> None:
    result = compiled(
        classic(),
        input={"channels": 1, "weights": "sum"},
        set={"layers": "conv1", "to": {"kernel_size": 5}, "weights": "centre"},
        prune={"layers": "conv1", "keep": 4},
    )
    assert preserved(result) == {"prune": "exact", "centre": "partly", "sum": "partly"}
    assert all(each.deviation is not None for each in result.weights.proof.contracts)


@pytest.mark.parametrize(
    "first", [{"widen": {"layers": "left_conv", "to": 9}}, {"prune": {"channels": {"left_conv": [1]}}}]
)
def test_other_channels_of_an_input_behind_channels_that_changed(first: dict[str, Any]) -> None:
    result = compiled(two_inputs(), steps=[first, {"input": {"layer": "left", "channels": 1, "weights": "sum"}}])
    base, gray, right = two_inputs(), noise(2, 8, 8, 1), noise(2, 8, 8, 1)
    if "prune" in first:
        kernel = np.array(base.get_layer("mixed").kernel)
        kernel[:, :, 1] = 0
        base.get_layer("mixed").kernel.assign(kernel)
    np.testing.assert_allclose(run(result.model, gray, right), run(base, np.repeat(gray, 3, -1), right), atol=1e-5)


@pytest.mark.parametrize("edit", [{"prune": {"channels": {"conv2": [0, 5]}}}, {"widen": {"layers": "conv2", "to": 12}}])
def test_a_branch_that_adds_zeros_to_other_channels(edit: dict[str, Any]) -> None:
    branch = [
        {"Dense": {"units": 3, "activation": "relu"}},
        {"Dense": {"units": "${in.channels}", "name": "up"}, "weights": "identity"},
        {"Add": {}, "from": ["in", "above"]},
    ]
    result = compiled(classic(), insert={"after": "relu2", "with": branch}, **edit)
    x = noise(2, 8, 8, 3)
    want = run(masked(classic(), [0, 5] if "prune" in edit else []), x)
    np.testing.assert_allclose(run(result.model, x), want, atol=1e-5)
    assert not np.any(result.model.get_layer("up").kernel)
