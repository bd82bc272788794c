"""`fold: batch_norm` predicts what the base predicts, with fewer layers; kernels are as the formula by hand says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers

from spec_compiler import SpecError, compile_spec, plan_spec
from spec_compiler.adapters.folded import Folded
from spec_compiler.adapters.identity import Identity
from spec_compiler.graph.adapter import Recipe, Unfit
from spec_compiler.graph.layer_spec import LayerSpec
from tests.backend.conftest import assert_same_bits, outputs_of
from tests.backend.folding import (
    BEHIND,
    FOLD,
    IMAGE,
    IN_FRONT,
    ROW,
    assert_same_function,
    conv,
    data_for,
    harsh,
    left,
    model_of,
    norm,
    norms,
)
from tests.backend.random_models import draw_model
from tests.memory import assert_planned_without_keras


@pytest.mark.parametrize("arguments", [{}, {"scale": False}, {"center": False}, {"scale": False, "center": False}])
@pytest.mark.parametrize("case", IN_FRONT)
def test_into_the_layer_in_front(case: str, arguments: dict[str, Any], tmp_path: Path) -> None:
    shape, make = IN_FRONT[case]
    base = model_of(shape, make(), norm(**arguments), layers.ReLU(), layers.Dropout(0.5))
    compiled = compile_spec(FOLD, base=base)
    assert not norms(compiled.model)
    assert_same_function(compiled, base)
    assert not compiled.weights.of("dropped")
    assert {row.variable for row in compiled.weights.of("adapted")} >= {"bias"}
    assert len(base.layers) == len(compiled.model.layers) + 1
    compiled.model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert_same_bits(outputs_of(again, data_for(base)), outputs_of(compiled.model, data_for(base)))


@pytest.mark.parametrize("arguments", [{}, {"scale": False, "center": False}])
@pytest.mark.parametrize("case", BEHIND)
def test_into_the_layer_behind(case: str, arguments: dict[str, Any]) -> None:
    shape, make = BEHIND[case]
    base = model_of(shape, norm(**arguments), *make())
    compiled = compile_spec(FOLD, base=base)
    assert not norms(compiled.model)
    assert_same_function(compiled, base)
    assert not compiled.weights.of("dropped")


SMALL = {"include_top": False, "weights": None, "input_shape": (75, 75, 3), "pooling": "avg"}
# How many of the BatchNormalizations go into the layer in front, how many into that behind, and how many stay.
COUNTS = {
    "MobileNetV2": (52, 0, 0),
    "ResNet50": (53, 0, 0),
    "DenseNet121": (59, 0, 62),
    "EfficientNetB0": (49, 0, 0),
    "InceptionV3": (94, 0, 0),
    "Xception": (40, 0, 0),
}


SLOW = ("DenseNet121", "EfficientNetB0", "InceptionV3", "ResNet50", "Xception")


@pytest.mark.parametrize("name", [pytest.param(each, marks=[pytest.mark.slow] * (each in SLOW)) for each in COUNTS])
def test_applications(name: str, tmp_path: Path) -> None:
    base = harsh(getattr(keras.applications, name)(**SMALL), deep=True)
    base.save_weights(file := tmp_path / "base.weights.h5")
    compiled = compile_spec(FOLD, base=base)
    in_front, behind, stay = COUNTS[name]
    adapters = [layer.adapter for layer in compiled.plan.after.layers.values() if layer.adapter is not None]
    found = [type(each).__name__ for each in adapters]
    assert (found.count("IntoFront"), found.count("IntoBehind"), len(left(compiled))) == (in_front, behind, stay)
    assert len(norms(compiled.model)) == stay
    assert_same_function(compiled, base)
    summary = compiled.plan.to_json()["summary"]["parameters"]
    assert summary["before"] == base.count_params()
    assert summary["after"] == compiled.model.count_params() < base.count_params()
    arguments = {**SMALL, "input_shape": [75, 75, 3], "weights": str(file)}
    of_file = compile_spec({**FOLD, "base": {"application": name, **arguments}})
    assert_same_bits(of_file.model.get_weights(), compiled.model.get_weights())
    data = data_for(base)
    compiled.model.save(tmp_path / "folded.keras")
    again = keras.models.load_model(tmp_path / "folded.keras")
    assert_same_bits(outputs_of(again, data), outputs_of(compiled.model, data))


def nested() -> Any:
    start = keras.Input(IMAGE)
    inner = keras.Model(start, layers.ReLU()(norm()(conv()(start))), name="inner")
    inputs = keras.Input(IMAGE, name="image")
    x = layers.BatchNormalization(name="own")(layers.Conv2D(3, 2, name="last")(inner(inputs)))
    return harsh(keras.Model(inputs, x))


def test_inside_of_nested_models() -> None:
    base = nested()
    closed = compile_spec(FOLD, base=base)
    assert_same_function(closed, base)
    assert norms(closed.model) == ["bn"]
    assert left(closed) == {"inner": "1 inside of it, which `fold: {batch_norm: inner/..}` reaches"}
    for selector in ("inner/bn", "inner/.."):
        opened = compile_spec({"spec": 1, "fold": {"batch_norm": selector}}, base=base)
        assert_same_function(opened, base)
        assert norms(opened.model) == ["own"]
    both = compile_spec({"spec": 1, "fold": {"batch_norm": ["inner/bn", "own"]}}, base=base)
    assert_same_function(both, base)
    assert not norms(both.model)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_from_files(suffix: str, tmp_path: Path) -> None:
    stack = [conv(), norm(), layers.ReLU(), layers.DepthwiseConv2D(3, use_bias=False), layers.BatchNormalization()]
    base = model_of(IMAGE, *stack)
    base.save(tmp_path / f"base.{suffix}")
    compiled = compile_spec({**FOLD, "base": {"file": str(tmp_path / f"base.{suffix}")}}, prove=True)
    assert_same_function(compiled, base)
    assert_same_bits(compiled.model.get_weights(), compile_spec(FOLD, base=base).model.get_weights())
    for row in compiled.weights.of("adapted"):
        assert row.source is not None
        assert "moving_variance" in row.source or suffix == "h5" or "vars/3" in row.source


def test_a_plan_by_memory_alone(tmp_path: Path) -> None:
    model_of(IMAGE, conv(use_bias=False), norm(), layers.ReLU()).save(tmp_path / "base.keras")
    (tmp_path / "spec.yaml").write_text("spec: 1\nbase: {file: base.keras}\nfold: batch_norm\n", encoding="utf-8")
    assert_planned_without_keras(tmp_path / "spec.yaml")


def by_hand(layer: Any, norm: Any, kernel_axes: tuple[int, ...]) -> list[Any]:
    """The kernel and the bias of a layer in front of a normalization, as the formula says them."""
    kernel, *bias = [each.astype("float64") for each in layer.get_weights()]
    gamma, beta, mean, variance = [each.astype("float64") for each in norm.get_weights()]
    scale = gamma / np.sqrt(variance + norm.epsilon)
    shape = [size if axis - kernel.ndim in kernel_axes else 1 for axis, size in enumerate(kernel.shape)]
    return [kernel * scale.reshape(shape), ((bias[0] if bias else 0) - mean) * scale + beta]


FIRST: dict[str, tuple[tuple[int, ...], Any, tuple[int, ...]]] = {
    "conv1d": ((4, 9), lambda: layers.Conv1D(7, 3, data_format="channels_first"), (-1,)),
    "conv2d": ((4, 9, 8), lambda: layers.Conv2D(7, 3, data_format="channels_first", use_bias=False), (-1,)),
    "conv2d_in_groups": ((4, 9, 8), lambda: layers.Conv2D(6, 3, groups=2, data_format="channels_first"), (-1,)),
    "conv2d_transpose": ((4, 9, 8), lambda: layers.Conv2DTranspose(7, 3, data_format="channels_first"), (-2,)),
    "depthwise2d": (
        (4, 9, 8),
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, data_format="channels_first"),
        (-2, -1),
    ),
}


@pytest.mark.parametrize("case", FIRST)
def test_channels_first(case: str) -> None:
    """By the formula: TensorFlow does not compute such convolutions without a GPU."""
    shape, make, axes = FIRST[case]
    base = model_of(shape, layer := make(), normalization := norm(axis=1), layers.ReLU())
    compiled = compile_spec(FOLD, base=base)
    wanted = by_hand(layer, normalization, axes)
    for one, other in zip(compiled.model.get_weights(), wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)
    with pytest.raises(SpecError, match="its axis is not that of the channels of the"):
        compile_spec(FOLD, base=model_of(shape, make(), norm(), layers.ReLU()))


def test_channels_first_behind() -> None:
    """Flattened, the values of one channel stand beside each other, unless `Flatten` puts the channels last."""
    for arguments in ({}, {"data_format": "channels_first"}):
        base = model_of((4, 3, 2), norm(axis=1), layers.Flatten(**arguments), layers.Dense(5))
        assert_same_function(compile_spec(FOLD, base=base), base)
    first = {"data_format": "channels_first"}
    stack = [layers.GlobalAveragePooling2D(**first), layers.Dense(5)]
    base = model_of((4, 3, 2), norm(axis=1), layers.AveragePooling2D(1, **first), *stack)
    assert_same_function(compile_spec(FOLD, base=base), base)
    base = model_of((4, 9, 8), normalization := norm(axis=1), layer := layers.Conv2D(7, 3, **first))
    kernel, bias = (each.astype("float64") for each in layer.get_weights())
    gamma, beta, mean, variance = (each.astype("float64") for each in normalization.get_weights())
    scale = gamma / np.sqrt(variance + normalization.epsilon)
    wanted = [kernel * scale[:, None], bias + np.einsum("abio,i->o", kernel, beta - mean * scale)]
    for one, other in zip(compile_spec(FOLD, base=base).model.get_weights(), wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


@pytest.fixture
def double() -> Iterator[None]:
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("case", [*IN_FRONT, *(f"behind {case}" for case in BEHIND)])
def test_in_float64(case: str, double: None) -> None:
    if case.startswith("behind "):
        shape, make = BEHIND[case.removeprefix("behind ")]
        base = model_of(shape, norm(), *make())
    else:
        shape, make = IN_FRONT[case]
        base = model_of(shape, make(), norm(), layers.ReLU())
    compiled = compile_spec(FOLD, base=base)
    assert not norms(compiled.model)
    assert_same_function(compiled, base, within=1e-12)


def test_a_mixed_policy_folds_in_float32(tmp_path: Path) -> None:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        base = model_of(IMAGE, conv(), norm(), layers.ReLU(), layers.Dense(3, dtype="float32"))
    finally:
        keras.config.set_dtype_policy("float32")
    compiled = compile_spec(FOLD, base=base)
    wanted = by_hand(base.get_layer("conv"), base.get_layer("bn"), (-1,))
    for one, other in zip(compiled.model.get_layer("conv").get_weights(), wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)
    assert_same_function(compiled, base, within=1e-2)


@pytest.mark.parametrize("policy", ["float16", "bfloat16"])
def test_narrow_numbers_are_folded_in_float32(policy: str) -> None:
    keras.config.set_dtype_policy(policy)
    try:
        base = model_of(ROW, layers.Dense(7, name="conv"), norm(), layers.ReLU())
    finally:
        keras.config.set_dtype_policy("float32")
    compiled = compile_spec(FOLD, base=base)
    wanted = by_hand(base.get_layer("conv"), base.get_layer("bn"), (-1,))
    for one, other in zip(compiled.model.get_layer("conv").get_weights(), wanted, strict=True):
        assert str(one.dtype) == policy
        assert_same_bits([one], [other.astype("float32").astype(one.dtype)])
    assert {row.reason.partition(", cast ")[2] for row in compiled.weights.of("adapted")} == {
        f"from float32 to {policy}"
    }


class Filled(Identity):
    """Gives the kernel values, whatever its shape is."""

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        return {0: Recipe((), "anything", lambda values: None)}


def test_other_channels_than_the_normalization_has() -> None:
    layer = compile_spec(FOLD, base=model_of(IMAGE, norm(), conv())).plan.after.layers["conv"]
    kernel, bias = layer.variables or ()
    assert isinstance(layer.adapter, Folded)
    adapter = replace(layer.adapter, was=replace(layer.adapter.was, adapter=Filled(layer.adapter.origin)))
    with pytest.raises(Unfit, match="its kernel has other channels than `bn`"):
        adapter.recipes(replace(layer, variables=(replace(kernel, shape=(3, 3, 1, 4)), bias)))


def test_many_in_a_row_go_into_one_layer() -> None:
    base = model_of(ROW, layers.Dense(4), *(layers.BatchNormalization() for _ in range(60)), layers.ReLU())
    compiled = compile_spec(FOLD, base=base)
    assert len(norms(compiled.model)) == 10
    assert_same_function(compiled, base, within=1e-4)
    assert (
        next(iter(left(compiled).values()))
        == "the Dense in front of it has taken in 50 already; a BatchNormalization is behind it"
    )


def test_another_policy_casts_what_was_folded() -> None:
    base = model_of(IMAGE, conv(), norm(), layers.ReLU())
    compiled = compile_spec({**FOLD, "dtype": "float16"}, base=base)
    wanted = by_hand(base.get_layer("conv"), base.get_layer("bn"), (-1,))
    for one, other in zip(compiled.model.get_layer("conv").get_weights(), wanted, strict=True):
        assert one.dtype == "float16"
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)
    reasons = {row.reason for row in compiled.weights.of("adapted")}
    assert reasons == {"`fold`, asked for by `fold`, cast from float32 to float16"}


def test_what_other_edits_made_of_the_weights_is_folded() -> None:
    base = model_of(IMAGE, conv(padding="same", use_bias=False), norm(), layers.ReLU())
    edits = [
        {"layers": "conv", "to": {"kernel_size": 5}, "weights": "centre"},
        {"layers": "bn", "to": {"epsilon": 0.5}},
    ]
    compiled = compile_spec({**FOLD, "set": edits}, base=base)
    assert_same_function(compiled, compile_spec({"spec": 1, "set": edits}, base=base).model)
    assert not norms(compiled.model)
    assert compiled.model.get_layer("conv").kernel.shape[:2] == (5, 5)
    assert [each.strategy for each in compiled.plan.contracts] == ["fold", "centre"]
    [kernel, bias] = compiled.weights.of("adapted")
    assert kernel.formula == "(zeros around the old kernel) · γ / √(σ² + 0.5)"
    assert bias.formula == "−μ · γ / √(σ² + 0.5) + β"


def test_what_stood_between_may_be_removed() -> None:
    base = model_of(IMAGE, conv(), layers.ReLU(name="relu"), norm(), layers.ReLU())
    compiled = compile_spec({**FOLD, "remove": "relu"}, base=base)
    assert_same_function(compiled, compile_spec({"spec": 1, "remove": "relu"}, base=base).model)


def test_arguments_that_an_edit_gave_count() -> None:
    base = model_of(IMAGE, conv(activation="relu"), norm(), layers.ReLU())
    edits = [{"layers": "conv", "to": {"activation": "linear"}}]
    compiled = compile_spec({**FOLD, "set": edits}, base=base)
    assert_same_function(compiled, compile_spec({"spec": 1, "set": edits}, base=base).model)
    plain, gelu = model_of(IMAGE, conv(), norm(), layers.ReLU()), [{"layers": "conv", "to": {"activation": "gelu"}}]
    with pytest.raises(SpecError, match="has an activation"):
        compile_spec({**FOLD, "set": gelu}, base=plain)


def test_a_width_that_does_not_fit_is_said_of_the_edit_that_gives_it() -> None:
    base = model_of(
        IMAGE, conv(), norm(), layers.ReLU(), layers.Flatten(), layers.Dense(3), layers.BatchNormalization()
    )
    for edit, path in (
        ({"set": [{"layers": "conv", "to": {"filters": 5}}]}, ("set", 0)),
        ({"input": {"shape": [12, 8, 4]}}, ("input", "shape")),
    ):
        with pytest.raises(SpecError) as refused:
            plan_spec({**FOLD, **edit}, base=base)
        assert [(each.code, each.path[: len(path)]) for each in refused.value.diagnostics] == [("SC402", path)]


def test_the_ledger_has_every_source_and_formula() -> None:
    base = model_of(ROW, layers.Dense(7, name="dense"), norm(scale=False), layers.ReLU())
    compiled = compile_spec(FOLD, base=base)
    kernel, bias = compiled.weights.of("adapted")
    assert (kernel.formula, bias.formula) == ("kernel · 1 / √(σ² + 0.02)", "(bias − μ) · 1 / √(σ² + 0.02) + β")
    assert kernel.source is not None
    assert bias.source is not None
    assert [each.rpartition("/")[2] for each in kernel.source.split(", ")] == ["kernel", "moving_variance"]
    assert [each.rpartition("/")[2] for each in bias.source.split(", ")] == [
        "bias",
        "beta",
        "moving_mean",
        "moving_variance",
    ]


def test_it_has_fewer_parameters_and_trains() -> None:
    base = model_of(IMAGE, conv(use_bias=False), norm(), layers.ReLU(), layers.Flatten(), layers.Dense(2))
    compiled = compile_spec({**FOLD, "freeze": "conv"}, base=base)
    assert compiled.model.count_params() == base.count_params() - 3 * 4  # four vectors less, a bias more
    assert not compiled.model.get_layer("conv").trainable_variables
    before = compiled.model.get_layer("conv").get_weights()
    compiled.model.compile("sgd", "mse")
    compiled.model.fit(data_for(base), np.ones((2, 2)), verbose=0)
    assert_same_bits(compiled.model.get_layer("conv").get_weights(), before)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(st.data())
def test_random_models(data: Any) -> None:
    """What is not folded is told, and the function is the same."""
    base = harsh(draw_model(data.draw))
    with contextlib.suppress(SpecError):  # a model without one, or none that can be folded
        compared(compile_spec(FOLD, base=base), base)


def compared(compiled: Any, base: Any) -> None:
    assert {*left(compiled)} == {*norms(compiled.model)}
    assert len(norms(compiled.model)) < len(norms(base))
    inputs = data_for(base)
    for one, other in zip(outputs_of(compiled.model, inputs), outputs_of(base, inputs), strict=True):
        assert np.abs(one - other).max() <= 1e-5 * np.abs(other).max()
