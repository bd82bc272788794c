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
from spec_compiler.cli.show import plan_text
from spec_compiler.graph.adapter import Recipe, Unfit
from spec_compiler.graph.layer_spec import LayerSpec
from tests.backend.conftest import assert_same_bits, outputs_of
from tests.backend.random_models import draw_model
from tests.memory import assert_planned_without_keras

FOLD = {"spec": 1, "fold": "batch_norm"}


def harsh(model: Any, seed: int = 5, *, deep: bool = False) -> Any:
    """The model with random values, none at its default: gamma and variance around 1, all others around 0.

    Kernels of a `deep` one are so small that rounding does not grow from layer to layer.
    """
    random = np.random.default_rng(seed)
    for variable in model.weights:
        if variable.path.endswith(("/mean", "/variance", "/count")):  # a `Normalization` is loaded with more than these
            continue
        if variable.path.endswith(("gamma", "moving_variance")):
            value = random.uniform(0.5, 1.5, variable.shape)
        elif deep and len(variable.shape) > 1:
            depthwise = "depthwise" in variable.path.lower() or "dwconv" in variable.path
            value = random.normal(0, np.prod(variable.shape[: -2 if depthwise else -1]) ** -0.5, variable.shape)
        else:
            value = random.normal(0, 0.3, variable.shape)
        variable.assign(value.astype(variable.dtype))
    return model


def data_for(model: Any) -> Any:
    random = np.random.default_rng(3)
    data = [random.normal(size=(2, *each.shape[1:])).astype(each.dtype) for each in model.inputs]
    return data if len(data) > 1 else data[0]


def assert_same_function(compiled: Any, base: Any, within: float | None = None) -> None:
    """The result puts out what the base does, and so does the result when it is saved and loaded."""
    data = data_for(base)
    within = within or (1e-12 if base.inputs[0].dtype == "float64" else 1e-5)
    for one, other in zip(outputs_of(compiled.model, data), outputs_of(base, data), strict=True):
        assert np.isfinite(other).all()
        assert other.std() > 1e-3 * np.abs(other).max() > 0, "these prove nothing"
        assert np.abs(one - other).max() <= within * np.abs(other).max()


def norms(model: Any) -> list[str]:
    return [each.name for each in model._flatten_layers() if isinstance(each, layers.BatchNormalization)]


def left(compiled: Any) -> dict[str, str]:
    return {each.layer: each.reason for each in compiled.plan.after.left}


def model_of(shape: tuple[int, ...], *stack: Any) -> Any:
    inputs = keras.Input(shape, name="image")
    x = inputs
    for layer in stack:
        x = layer(x)
    return harsh(keras.Model(inputs, x))


IMAGE, ROW, SOUND, BODY = (9, 8, 4), (5,), (9, 4), (6, 5, 6, 4)


def norm(**arguments: Any) -> Any:
    return layers.BatchNormalization(name="bn", **{"epsilon": 0.02, **arguments})


IN_FRONT: dict[str, tuple[tuple[int, ...], Any]] = {
    "dense": (ROW, lambda: layers.Dense(7)),
    "dense_without_bias": (ROW, lambda: layers.Dense(7, use_bias=False)),
    "dense_on_images": (IMAGE, lambda: layers.Dense(7)),
    "einsum": (SOUND, lambda: layers.EinsumDense("abc,cd->abd", (None, 7), bias_axes="d")),
    "einsum_without_bias": (SOUND, lambda: layers.EinsumDense("abc,cde->abde", (None, 3, 7))),
    "einsum_of_any": (IMAGE, lambda: layers.EinsumDense("...x,xy->...y", 7, bias_axes="y")),
    "einsum_of_two": (SOUND, lambda: layers.EinsumDense("abc,cde->abde", (None, 3, 7), bias_axes="de")),
    "einsum_turned": (SOUND, lambda: layers.EinsumDense("abc,dc->abd", (None, 7))),
    "conv1d": (SOUND, lambda: layers.Conv1D(7, 3, padding="causal")),
    "conv2d": (IMAGE, lambda: layers.Conv2D(7, 3, strides=2, padding="same")),
    "conv2d_without_bias": (IMAGE, lambda: layers.Conv2D(7, 3, use_bias=False, dilation_rate=2)),
    "conv2d_in_groups": (IMAGE, lambda: layers.Conv2D(6, 3, groups=2, padding="same")),
    "conv3d": (BODY, lambda: layers.Conv3D(7, 3, use_bias=False)),
    "conv1d_transpose": (SOUND, lambda: layers.Conv1DTranspose(7, 3, strides=2)),
    "conv2d_transpose": (IMAGE, lambda: layers.Conv2DTranspose(7, 3, strides=2, padding="same", use_bias=False)),
    "conv3d_transpose": (BODY, lambda: layers.Conv3DTranspose(7, 3)),
    "depthwise1d": (SOUND, lambda: layers.DepthwiseConv1D(3, depth_multiplier=2)),
    "depthwise2d": (IMAGE, lambda: layers.DepthwiseConv2D(3, depth_multiplier=3, use_bias=False, padding="same")),
    "separable1d": (SOUND, lambda: layers.SeparableConv1D(7, 3, depth_multiplier=2)),
    "separable2d": (IMAGE, lambda: layers.SeparableConv2D(7, 3, depth_multiplier=2, use_bias=False)),
}


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


BEHIND: dict[str, tuple[tuple[int, ...], Any]] = {
    "dense": (ROW, lambda: [layers.Dense(7, activation="relu")]),
    "dense_without_bias": (ROW, lambda: [layers.Dense(7, use_bias=False)]),
    "dense_on_images": (IMAGE, lambda: [layers.Dense(7)]),
    "flat_dense": (IMAGE, lambda: [layers.Flatten(), layers.Dropout(0.2), layers.Dense(7)]),
    "pooled_dense": (IMAGE, lambda: [layers.GlobalAveragePooling2D(), layers.Dense(7)]),
    "mean_flat_dense": (IMAGE, lambda: [layers.AveragePooling2D(2), layers.Flatten(), layers.Dense(7)]),
    "mean_same": (IMAGE, lambda: [layers.AveragePooling2D(3, 2, padding="same"), layers.Conv2D(7, 2)]),
    "cropped": (IMAGE, lambda: [layers.Cropping2D(1), layers.Activation("linear"), layers.Conv2D(7, 2)]),
    "squeeze": (IMAGE, lambda: [layers.GlobalAveragePooling2D(keepdims=True), layers.Conv2D(7, 1)]),
    "einsum": (SOUND, lambda: [layers.EinsumDense("abc,cd->abd", (None, 7), bias_axes="d")]),
    "einsum_without_bias": (SOUND, lambda: [layers.EinsumDense("abc,cde->abde", (None, 3, 7))]),
    "einsum_of_any": (IMAGE, lambda: [layers.EinsumDense("...x,xy->...y", 7)]),
    "einsum_over_all": (SOUND, lambda: [layers.EinsumDense("abc,bcd->ad", (7,), bias_axes="d")]),
    "conv1d": (SOUND, lambda: [layers.Conv1D(7, 3)]),
    "conv2d": (IMAGE, lambda: [layers.Conv2D(7, 3, strides=2)]),
    "conv2d_of_one": (IMAGE, lambda: [layers.Conv2D(7, 1, strides=2, padding="same", use_bias=False)]),
    "conv2d_in_groups": (IMAGE, lambda: [layers.Conv2D(6, 3, groups=2)]),
    "conv3d": (BODY, lambda: [layers.Conv3D(7, 3, use_bias=False)]),
    "depthwise1d": (SOUND, lambda: [layers.DepthwiseConv1D(3, depth_multiplier=2, use_bias=False)]),
    "depthwise2d": (IMAGE, lambda: [layers.DepthwiseConv2D(3, depth_multiplier=3)]),
    "separable1d": (SOUND, lambda: [layers.SeparableConv1D(7, 3, depth_multiplier=2)]),
    "separable2d": (IMAGE, lambda: [layers.SeparableConv2D(7, 3, depth_multiplier=2, use_bias=False)]),
}


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


SLOW = ("DenseNet121", "EfficientNetB0", "InceptionV3", "Xception")


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


def conv(name: str = "conv", **arguments: Any) -> Any:
    return layers.Conv2D(4, 3, name=name, **arguments)


def on_two(*calls: Any) -> Any:
    """A model of two inputs; each of the calls takes both tensors and gives two."""
    inputs = [keras.Input(IMAGE, name=name) for name in ("left", "right")]
    tensors: Any = inputs
    for call in calls:
        tensors = call(*tensors)
    return harsh(keras.Model(inputs, tensors))


def on_both(layer: Any) -> Any:
    return lambda *tensors: [layer(each) for each in tensors]


def residual() -> Any:
    inputs = keras.Input(IMAGE, name="image")
    x = conv(padding="same")(inputs)
    return keras.Model(inputs, [layers.Add()([norm()(x), x])])


def whole_numbers() -> Any:
    inputs = keras.Input(ROW, dtype="int32", name="image")
    return keras.Model(inputs, layers.Dense(3)(norm()(inputs)))


def tied() -> Any:
    shared = layers.Dense(5, name="shared")
    start = keras.Input(ROW)
    inner = keras.Model(start, layers.ReLU()(shared(start)), name="inner")
    inputs = keras.Input(ROW, name="image")
    return keras.Model(inputs, layers.ReLU()(norm()(shared(inner(inputs)))))


class Conv2D(layers.Conv2D):  # type: ignore[misc]
    """A convolution that computes something else."""

    def call(self, inputs: Any) -> Any:
        return super().call(inputs) ** 2


STAY: dict[str, tuple[Any, str]] = {
    "activation": (
        lambda: model_of(IMAGE, conv(activation="relu"), norm(), layers.ReLU()),
        "the Conv2D in front of it has an activation; a ReLU is behind it",
    ),
    "output": (
        lambda: model_of(IMAGE, norm()),
        "an input is in front of it; what it puts out is put out by the model",
    ),
    "padding_behind": (
        lambda: model_of(IMAGE, norm(), conv(padding="same")),
        "an input is in front of it; the Conv2D behind it pads its borders with zeros (`padding: same`)",
    ),
    "causal_behind": (
        lambda: model_of(SOUND, norm(), layers.Conv1D(3, 2, padding="causal")),
        "an input is in front of it; the Conv1D behind it pads its borders with zeros (`padding: causal`)",
    ),
    "padding_between": (
        lambda: model_of(IMAGE, conv(), layers.ZeroPadding2D(), norm(), layers.ReLU()),
        "a ZeroPadding2D is in front of it; a ReLU is behind it",
    ),
    "transposed_behind": (
        lambda: model_of(IMAGE, norm(), layers.Conv2DTranspose(3, 3)),
        "an input is in front of it; the Conv2DTranspose behind it adds up less at its borders",
    ),
    "another_axis": (
        lambda: model_of(IMAGE, conv(), norm(axis=1), layers.ReLU()),
        "its axis is not that of the channels of the Conv2D in front of it; a ReLU is behind it",
    ),
    "another_axis_behind": (
        lambda: model_of(IMAGE, norm(axis=1), layers.Dense(3)),
        "an input is in front of it; its axis is not that of the channels of the Dense behind it",
    ),
    "middle_flat": (
        lambda: model_of(IMAGE, norm(axis=2), layers.Flatten(), layers.Dense(3)),
        "an input is in front of it; a Flatten is behind it",
    ),
    "largest": (
        lambda: model_of(IMAGE, norm(), layers.GlobalMaxPooling2D(), layers.Dense(3)),
        "an input is in front of it; a GlobalMaxPooling2D is behind it",
    ),
    "both_ways": (
        residual,
        "what is in front of it goes elsewhere too; an Add is behind it",
    ),
    "training": (
        lambda: model_of(IMAGE, conv(), lambda x: norm()(x, training=True), layers.ReLU()),
        "it is called with `training: true`, and normalizes by the batch",
    ),
    "called_elsewhere": (
        lambda: on_two(
            on_both(conv()), lambda left, right: [norm()(left), layers.ReLU()(right)], on_both(layers.ReLU())
        ),
        "the Conv2D in front of it is called elsewhere too; a ReLU is behind it",
    ),
    "tied": (tied, "the Dense in front of it shares its weights with another layer; a ReLU is behind it"),
    "lora": (
        lambda: model_of(ROW, layers.Dense(6, lora_rank=2), norm(), layers.ReLU()),
        "the Dense in front of it has other weights than a kernel and a bias; a ReLU is behind it",
    ),
    "whole_numbers": (
        whole_numbers,
        "it makes float32 of int32",
    ),
    "another_dtype": (
        lambda: model_of(IMAGE, conv(dtype="mixed_float16"), norm(dtype="float32"), layers.ReLU()),
        "it makes float32 of float16; a ReLU is behind it",
    ),
    "own_class": (
        lambda: model_of(IMAGE, Conv2D(4, 3), norm(), layers.ReLU()),
        "a Conv2D is in front of it; a ReLU is behind it",
    ),
    "einsum": (
        lambda: model_of(
            SOUND, layers.EinsumDense("abc,cde->abed", (None, 7, 3), bias_axes="e"), norm(), layers.ReLU()
        ),
        "the equation of the EinsumDense in front of it has no place for it; a ReLU is behind it",
    ),
}


@pytest.mark.parametrize("case", STAY)
def test_what_cannot_be_folded_is_said(case: str) -> None:
    make, reason = STAY[case]
    with pytest.raises(SpecError) as refused:
        plan_spec({"spec": 1, "fold": {"batch_norm": "bn"}}, base=make())
    [problem] = refused.value.diagnostics
    assert (problem.code, problem.path) == ("SC322", ("fold", "batch_norm"))
    assert problem.message == f"`bn` cannot be folded: {reason}"
    assert not problem.notes or "`bn`" in problem.notes[0] or "(" in problem.notes[0]


TOGETHER: dict[str, Any] = {
    "shared": lambda: on_two(on_both(conv()), on_both(norm()), on_both(layers.ReLU())),
    "shared_behind": lambda: on_two(
        on_both(norm()), on_both(layers.GlobalAveragePooling2D()), on_both(layers.Dense(3))
    ),
    "two_in_a_row": lambda: model_of(IMAGE, conv(), norm(), layers.BatchNormalization(), layers.ReLU()),
    "two_in_front": lambda: model_of(IMAGE, norm(), layers.BatchNormalization(), conv()),
    "separable_on_both_sides": lambda: model_of(
        IMAGE, norm(), layers.SeparableConv2D(5, 3, use_bias=False), layers.BatchNormalization(), layers.ReLU()
    ),
    "depthwise_on_both_sides": lambda: model_of(
        IMAGE, norm(), layers.DepthwiseConv2D(3, depth_multiplier=2), layers.BatchNormalization(), layers.ReLU()
    ),
    "flat_on_both_sides": lambda: model_of(
        IMAGE, norm(), layers.Flatten(), layers.Dense(6), layers.BatchNormalization(), layers.BatchNormalization()
    ),
    "on_both_sides": lambda: model_of(IMAGE, norm(), conv(), layers.BatchNormalization(), layers.ReLU()),
    "dropout_between": lambda: model_of(IMAGE, conv(), layers.Dropout(0.5, name="drop"), norm(), layers.ReLU()),
    "mean_between": lambda: model_of(IMAGE, conv(), layers.GlobalAveragePooling2D(), norm()),
    "kept_sizes": lambda: model_of(IMAGE, conv(), layers.GlobalAveragePooling2D(keepdims=True), norm()),
    "training_false": lambda: model_of(IMAGE, conv(), lambda x: norm()(x, training=False), layers.ReLU()),
    "frozen": lambda: model_of(IMAGE, conv(trainable=False), norm(), layers.ReLU()),
    "first_axis": lambda: model_of(SOUND, norm(axis=1), layers.Flatten(), layers.Dense(5)),
    "flat_of_rows": lambda: model_of(ROW, norm(), layers.Flatten(), layers.Dense(5)),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_together(case: str) -> None:
    base = TOGETHER[case]()
    compiled = compile_spec(FOLD, base=base)
    assert not norms(compiled.model)
    assert_same_function(compiled, base)
    assert not compiled.weights.of("dropped")
    contracts = compiled.plan.contracts
    assert {each.strategy for each in contracts} == {"fold"}
    assert {each.preserves for each in contracts} == {"exact"}
    said = " in training `drop` acts on other values" if case == "dropout_between" else None
    assert {each.text.partition(";")[2] or None for each in contracts} == {said}
    assert all(layer.trainable == base.get_layer(layer.name).trainable for layer in compiled.model.layers)


def test_one_of_many_that_stays_is_in_the_plan() -> None:
    base = model_of(IMAGE, conv(), norm(), layers.ReLU(), layers.BatchNormalization(name="stays"), layers.ReLU())
    compiled = compile_spec({"spec": 1, "fold": {"batch_norm": ["bn", "stays"]}}, base=base)
    assert_same_function(compiled, base)
    reason = "a ReLU is in front of it; a ReLU is behind it"
    assert left(compiled) == {"stays": reason}
    path = ["fold"]
    assert compiled.plan.to_json()["left"] == [{"layer": "stays", "reason": reason, "section": "fold", "path": path}]
    assert f"Left by `fold`: stays: {reason}." in str(plan_text(compiled.plan))
    with pytest.raises(SpecError, match="`stays` cannot be folded"):
        plan_spec({"spec": 1, "fold": {"batch_norm": {"layers": "type:BatchNormalization", "except": "bn"}}}, base=base)


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
