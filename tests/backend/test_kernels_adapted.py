"""`set: {…, weights: centre}`: a layer with a larger kernel puts out what the old one does, or the plan says otherwise.

The outputs of the base are compared with those of the result: equal to 1e-6, and bit for bit where TensorFlow adds the
zeros without adding the rest in another order, as it does for large kernels and for those of three axes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from spec_compiler import CompiledSpec, compile_spec, plan_spec
from spec_compiler.adapters.kernel_axes import Axis, shift
from tests.backend.conftest import assert_same_bits, outputs_of

Array = np.ndarray[Any, Any]
SAME: dict[str, Any] = {"padding": "same", "name": "conv"}


def valued(model: Any) -> Any:
    """The model with random values in every variable, none as it is by default."""
    random = np.random.default_rng(3)
    for variable in model.weights:
        is_scale = "gamma" in variable.path or "variance" in variable.path
        values = random.uniform(0.5, 1.5, variable.shape) if is_scale else random.normal(0, 0.3, variable.shape)
        variable.assign(values.astype("float32"))
    return model


def alone(layer: Any, *shape: int | None) -> Any:
    """A model of one layer."""
    inputs = keras.Input(shape, name="image")
    return valued(keras.Model(inputs, layer(inputs), name="net"))


def random(*shape: int) -> Array:
    return np.random.default_rng(1).normal(size=(2, *shape)).astype("float32")


def larger(model: Any, to: Mapping[str, Any] | int, layer: str = "conv", **more: Any) -> CompiledSpec:
    to = {"kernel_size": to} if isinstance(to, int) else to
    return compile_spec({"spec": 1, "set": {"layers": layer, "to": dict(to), "weights": "centre"}, **more}, base=model)


def promised(compiled: CompiledSpec) -> str:
    [text] = {f"{contract.preserves}: {contract.text}" for contract in compiled.plan.contracts}  # one for each edit
    return text


def assert_kept(model: Any, compiled: CompiledSpec, inputs: Array, tolerance: float = 0) -> None:
    """The result puts out what the base does, as its plan promises."""
    assert promised(compiled) == "exact: the function"
    [wanted], [found] = outputs_of(model, inputs), outputs_of(compiled.model, inputs)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= tolerance * np.abs(wanted).max()


# kernel sizes before and after, strides; at sizes that leave each rest
GROWN = [(3, 5), (3, 7), (1, 3), (1, 5), (2, 3), (2, 4), (3, 4), (2, 5), (4, 7)]


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("old", "new"), GROWN)
def test_every_size_and_stride(old: int, new: int, stride: int) -> None:
    for height, width in ((7, 8), (9, 7)):
        model = alone(layers.Conv2D(4, old, strides=stride, activation="relu", **SAME), height, width, 3)
        assert_kept(model, larger(model, new), random(height, width, 3), 1e-6)


CLASSES: list[tuple[Any, tuple[int, ...], int | list[int], float]] = [
    (layers.Conv1D(4, 3, strides=2, **SAME), (9, 5), 5, 0),
    (layers.Conv2D(4, 3, dilation_rate=2, **SAME), (9, 8, 3), 5, 0),
    (layers.Conv2D(4, 2, dilation_rate=3, **SAME), (9, 8, 3), 4, 0),
    (layers.Conv2D(6, 3, groups=3, **SAME), (9, 8, 6), 5, 0),
    (layers.Conv2D(4, (3, 1), use_bias=False, **SAME), (9, 8, 3), [3, 5], 0),
    (layers.Conv3D(4, 3, strides=(1, 2, 1), **SAME), (5, 6, 7, 3), 5, 1e-6),
    (layers.Conv1DTranspose(4, 3, strides=2, **SAME), (7, 3), 5, 0),
    (layers.Conv2DTranspose(4, 3, strides=(2, 3), **SAME), (7, 6, 3), 5, 0),
    (layers.Conv2DTranspose(4, 2, strides=2, **SAME), (7, 6, 3), 4, 0),
    (layers.Conv2DTranspose(4, 4, strides=2, **SAME), (7, 6, 3), 5, 0),
    (layers.Conv2DTranspose(4, 3, strides=2, output_padding=1, **SAME), (7, 6, 3), 5, 0),
    (layers.Conv3DTranspose(4, 3, strides=2, **SAME), (4, 5, 3, 2), 5, 1e-6),
    (layers.DepthwiseConv1D(3, strides=2, depth_multiplier=2, **SAME), (9, 3), 5, 0),
    (layers.DepthwiseConv2D(3, strides=2, depth_multiplier=2, **SAME), (9, 8, 3), 5, 0),
    (layers.DepthwiseConv2D(3, strides=2, data_format="channels_first", **SAME), (3, 9, 8), 5, 0),
    (layers.SeparableConv1D(4, 3, depth_multiplier=2, **SAME), (9, 3), 5, 0),
    (layers.SeparableConv2D(4, 3, strides=2, depth_multiplier=2, **SAME), (9, 8, 3), 5, 0),
    (layers.ConvLSTM1D(4, 3, return_sequences=True, **SAME), (3, 9, 2), 5, 1e-6),
    (layers.ConvLSTM2D(4, 3, strides=2, **SAME), (3, 9, 8, 2), 4, 1e-6),
    (layers.ConvLSTM3D(2, 3, **SAME), (2, 5, 5, 4, 2), 5, 1e-6),
]


@pytest.mark.parametrize(("layer", "shape", "new", "tolerance"), CLASSES, ids=lambda each: type(each).__name__)
def test_every_class(layer: Any, shape: tuple[int, ...], new: Any, tolerance: float) -> None:
    model = alone(type(layer).from_config(layer.get_config()), *shape)
    compiled = larger(model, {"kernel_size": new})
    assert_kept(model, compiled, random(*shape), tolerance)
    sizes = compiled.model.get_layer("conv").get_config()["kernel_size"]
    assert sizes == (tuple(new) if isinstance(new, list) else (new,) * len(sizes))


# TensorFlow has no such convolutions on a CPU, but XLA has
COMPILED: list[tuple[Any, tuple[int, ...], int, bool]] = [
    (layers.Conv2D(4, 3, strides=2, data_format="channels_first", **SAME), (3, 9, 8), 5, True),
    (layers.Conv1D(4, 3, padding="causal", data_format="channels_first", name="conv"), (3, 9), 5, True),
    (layers.Conv2DTranspose(4, 3, strides=2, data_format="channels_first", **SAME), (3, 5, 6), 5, True),
    (layers.Conv2DTranspose(4, 3, dilation_rate=2, **SAME), (7, 6, 3), 5, True),
    (layers.Conv2DTranspose(4, 2, dilation_rate=3, **SAME), (7, 6, 3), 4, True),
    (layers.Conv2DTranspose(4, 2, dilation_rate=2, **SAME), (7, 6, 3), 3, False),  # half a step to the side
]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of TensorFlow")
@pytest.mark.parametrize(("layer", "shape", "new", "is_kept"), COMPILED)
def test_compiled(layer: Any, shape: tuple[int, ...], new: int, is_kept: bool) -> None:
    import tensorflow as tf

    model = alone(type(layer).from_config(layer.get_config()), *shape)
    compiled = larger(model, new)
    wanted, found = (
        np.asarray(tf.function(each, jit_compile=True)(random(*shape))) for each in (model, compiled.model)
    )
    assert np.allclose(found, wanted, rtol=1e-6, atol=1e-6) == is_kept
    assert promised(compiled) == ("exact: the function" if is_kept else f"not: {NOWHERE}")


NOWHERE = "the old kernel stands at no place of the new one where both read the same"


def test_the_values_by_hand() -> None:
    """At stride 2 and a size of 8 TensorFlow pads 0 before a kernel of 3, 1 of 4 or 5, 2 of 7."""
    model = alone(layers.Conv2D(4, 3, strides=2, **SAME), 8, 8, 3)
    kernel, bias = model.get_layer("conv").get_weights()
    for new, before in ((5, 1), (4, 1), (7, 2)):
        compiled = larger(model, new)
        wanted = np.zeros((new, new, 3, 4), "float32")
        wanted[before : before + 3, before : before + 3] = kernel
        assert_same_bits(compiled.model.get_layer("conv").get_weights(), [wanted, bias])
        rows = {row.variable: row for row in compiled.weights.rows}
        assert (rows["kernel"].action, rows["kernel"].formula) == ("adapted", "zeros around the old kernel")
        assert rows["kernel"].source == "net:conv/kernel"
        assert rows["kernel"].source_checksum != rows["kernel"].result_checksum
        assert rows["bias"].action == "copied"
        assert not compiled.weights.of("initialized")
        assert not compiled.weights.of("dropped")


@pytest.mark.parametrize("stride", [1, 2])
def test_causal_zeros_stand_before(stride: int) -> None:
    model = alone(layers.Conv1D(4, 3, padding="causal", strides=stride, name="conv"), 9, 5)
    compiled = larger(model, 6)
    assert_kept(model, compiled, random(9, 5))
    [kernel] = [each for each in compiled.model.get_layer("conv").get_weights() if each.ndim == 3]
    assert not kernel[:3].any()


def test_a_point_becomes_a_square() -> None:
    """At a kernel of 1 `valid` and `same` are one, so the padding may change with its size."""
    model = alone(layers.Conv2D(4, 1, strides=2, name="conv"), 9, 8, 3)
    assert_kept(model, larger(model, {"kernel_size": 3, "padding": "same"}), random(9, 8, 3))
    assert_kept(model, larger(model, {"kernel_size": 3, "padding": "same", "strides": 2}), random(9, 8, 3))


# what is not kept, and is said


def test_valid_padding_keeps_what_is_further_inside() -> None:
    model = alone(layers.Conv2D(4, 3, name="conv"), 9, 8, 3)
    compiled = larger(model, 5)
    assert promised(compiled) == (
        "not: `padding: valid` makes its output smaller than the base's, of which it is the inner part; it does not "
        "where the input is padded by 2 more"
    )
    [wanted], [found] = outputs_of(model, random(9, 8, 3)), outputs_of(compiled.model, random(9, 8, 3))
    assert_same_bits(found, wanted[:, 1:-1, 1:-1])
    # what the text says to do
    padded = larger(model, 5, insert={"before": "conv", "with": {"ZeroPadding2D": 1}})
    assert_same_bits(outputs_of(padded.model, random(9, 8, 3)), [wanted])


def test_valid_padding_of_a_transposed_one_keeps_the_middle() -> None:
    model = alone(layers.Conv2DTranspose(4, 3, strides=2, name="conv"), 5, 4, 3)
    compiled = larger(model, 5)
    assert promised(compiled).startswith("not: `padding: valid` makes its output 2 larger")
    [wanted], [found] = outputs_of(model, random(5, 4, 3)), outputs_of(compiled.model, random(5, 4, 3))
    np.testing.assert_allclose(found[:, 1:-1, 1:-1], wanted, rtol=1e-5, atol=1e-6)


def test_a_size_that_is_not_known() -> None:
    model = alone(layers.Conv2D(4, 3, strides=2, **SAME), None, None, 3)
    for size in (8, 9):  # a kernel of 3 becomes one of 5 at every size
        assert_kept(model, larger(model, 5), random(size, size, 3))
    model = alone(layers.Conv2D(4, 1, strides=2, **SAME), None, None, 3)
    compiled = larger(model, 3)
    assert promised(compiled) == (
        "not: at stride 2 it is so at some sizes of the input only: give `input` a fixed shape"
    )
    kept = {}
    for size in (8, 9):
        [wanted], [found] = outputs_of(model, random(size, size, 3)), outputs_of(compiled.model, random(size, size, 3))
        kept[size] = np.array_equal(wanted, found)
    assert kept == {8: False, 9: True}
    for size in kept:  # what the text says to do
        fixed = larger(model, 3, input={"shape": [size, size, 3]})
        assert_kept(model, fixed, random(size, size, 3))


def test_calls_of_several_sizes() -> None:
    conv = layers.Conv2D(4, 1, strides=2, **SAME)
    ends = [keras.Input((size, size, 3), name=f"image{size}") for size in (8, 9)]
    model = valued(keras.Model(ends, [conv(each) for each in ends]))
    compiled = larger(model, 3)
    assert promised(compiled).startswith("not: its calls take inputs of several sizes")
    images = [random(8, 8, 3), random(9, 9, 3)]
    pairs = zip(outputs_of(model, images), outputs_of(compiled.model, images), strict=True)
    assert sorted(np.array_equal(wanted, found) for wanted, found in pairs) == [False, True]
    assert promised(larger(model, 3, outputs="conv@0")) == "exact: the function"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"activation": "relu"}, "not: its `activation` is another too"),
        ({"use_bias": False}, "not: its `use_bias` is another too"),
        ({"dilation_rate": 2}, "not: its `dilation_rate` is another too"),
        ({"activation": "linear", "kernel_regularizer": {"L2": 0.1}}, "exact: the function"),
    ],
)
def test_what_changes_beside_the_kernel(more: dict[str, Any], said: str) -> None:
    model = alone(layers.Conv2D(4, 3, **SAME), 9, 8, 3)
    compiled = larger(model, {"kernel_size": 5, **more})
    assert promised(compiled) == said
    [wanted], [found] = outputs_of(model, random(9, 8, 3)), outputs_of(compiled.model, random(9, 8, 3))
    assert np.array_equal(found, wanted) == said.startswith("exact")


def test_other_strides() -> None:
    model = alone(layers.Conv2D(4, 3, **SAME), 9, 8, 3)
    assert promised(larger(model, {"kernel_size": 5, "strides": 2})) == "not: its `strides` are others too"


def test_recurrent_state_at_valid_padding() -> None:
    model = alone(layers.ConvLSTM1D(4, 3, name="conv"), 3, 9, 2)
    compiled = larger(model, 5)
    assert promised(compiled) == "not: `padding: valid` makes its output smaller, and its state too"
    [wanted], [found] = outputs_of(model, random(3, 9, 2)), outputs_of(compiled.model, random(3, 9, 2))
    assert np.abs(found - wanted[:, 1:-1]).max() > 1e-3


# among others


def test_twice() -> None:
    model = alone(layers.Conv2D(4, 2, strides=2, **SAME), 8, 9, 3)
    sets = [{"layers": "conv", "to": {"kernel_size": size}, "weights": "centre"} for size in (3, 6)]
    assert_kept(model, compile_spec({"spec": 1, "set": sets}, base=model), random(8, 9, 3))


def test_layers_of_which_one_fits_as_it_is() -> None:
    image = keras.Input((8, 8, 3))
    model = valued(
        keras.Model(image, layers.Conv2D(4, 3, name="b", padding="same")(layers.Conv2D(4, 1, name="a")(image)))
    )
    compiled = larger(model, {"kernel_size": 3, "padding": "same"}, layer="type:Conv2D")
    assert_kept(model, compiled, random(8, 8, 3))
    assert {(row.layer, row.variable) for row in compiled.weights.of("adapted")} == {("a", "kernel")}
    assert compiled.plan.contracts[0].layers == ("a",)


def nested() -> Any:
    """A model in a model, its convolution called twice."""
    conv = layers.Conv2D(3, 3, name="conv", padding="same", activation="tanh")
    image = keras.Input((8, 9, 3))
    inner = keras.Model(image, conv(layers.BatchNormalization(name="norm")(conv(image))), name="outer")
    image = keras.Input((8, 9, 3), name="image")
    return valued(keras.Model(image, layers.Conv2D(2, 1, name="last")(inner(image))))


@pytest.mark.parametrize("suffix", ["", ".keras", ".h5", ".weights.h5"])
def test_nested_shared_and_from_files(suffix: str, tmp_path: Path) -> None:
    model = nested()
    base: dict[str, Any] = {}
    if suffix in (".keras", ".h5"):
        model.save(tmp_path / f"model{suffix}")
        base = {"base": {"file": str(tmp_path / f"model{suffix}")}}
    elif suffix:
        model.save_weights(tmp_path / "model.weights.h5")
        (tmp_path / "model.json").write_text(model.to_json())
        blank = keras.models.model_from_json(model.to_json())
        blank.save(tmp_path / "model.keras")
        base = {"base": {"file": str(tmp_path / "model.keras"), "weights": str(tmp_path / "model.weights.h5")}}
    spec = {"spec": 1, **base, "set": {"layers": "outer/conv", "to": {"kernel_size": [5, 3]}, "weights": "centre"}}
    compiled = compile_spec(spec, base=None if base else model)
    assert_kept(model, compiled, random(8, 9, 3))
    [row] = compiled.weights.of("adapted")
    assert (row.layer, row.variable, row.shape) == ("outer/conv", "kernel", (5, 3, 3, 3))
    compiled.model.save(tmp_path / "result.keras")
    again = keras.models.load_model(tmp_path / "result.keras")
    assert_same_bits(outputs_of(again, random(8, 9, 3)), outputs_of(model, random(8, 9, 3)))


def test_under_another_name() -> None:
    model = alone(layers.Conv2D(4, 3, strides=2, **SAME), 8, 9, 3)
    assert_kept(model, larger(model, 5, rename={"conv": "wide"}), random(8, 9, 3))


def test_the_plan_says_it() -> None:
    model = alone(layers.Conv2D(4, 3, **SAME), 8, 9, 3)
    spec = {"spec": 1, "set": {"layers": "conv", "to": {"kernel_size": 5}, "weights": "centre"}}
    [said] = plan_spec(spec, base=model).to_json()["weights"]
    assert said == {
        "strategy": "centre",
        "formula": "zeros around the old kernel",
        "preserves": "exact",
        "text": "the function",
        "layers": ["conv"],
        "section": "set",
        "path": ["set", 0, "weights"],
    }


# the arithmetic, beside a convolution by hand


def by_hand(axis: Axis, size: int) -> Iterator[set[tuple[int, int]]]:
    """For each value that is put out which value of the kernel meets which of the input."""
    span = (axis.kernel - 1) * axis.dilation + 1
    padded = {"valid": 0, "causal": span - 1}.get(axis.padding)
    num_outputs = -(-size // axis.stride)
    if padded is None:
        padded = max((num_outputs - 1) * axis.stride + span - size, 0) // 2
    if axis.padding == "valid":
        num_outputs = (size - span) // axis.stride + 1
    for output in range(num_outputs):
        met = {(at, output * axis.stride + at * axis.dilation - padded) for at in range(axis.kernel)}
        yield {(at, place) for at, place in met if 0 <= place < size}


@pytest.mark.parametrize("padding", ["same", "valid", "causal"])
def test_a_shift_is_where_both_meet_the_same(padding: str) -> None:
    for old_kernel, new_kernel, stride, dilation, size in np.ndindex(5, 7, 4, 3, 9):
        old = Axis(old_kernel + 1, stride + 1, dilation + 1, padding)
        new = Axis(new_kernel + 1, stride + 1, dilation + 1, padding)
        size += 20
        olds, news = list(by_hand(old, size)), list(by_hand(new, size))
        fitting = [
            places
            for places in range(new.kernel - old.kernel + 1)
            if len(olds) == len(news)
            and all({(at + places, place) for at, place in one} <= other for one, other in zip(olds, news, strict=True))
        ]
        found = shift(old, new, size)
        assert found in fitting if fitting else found is None, (old, new, size)


def test_from_the_memory(tmp_path: Path) -> None:
    """A plan that Keras is not asked for places the kernel alike."""
    alone(layers.Conv2D(4, 3, strides=2, **SAME), 8, 9, 3).save(tmp_path / "model.keras")
    spec = {
        "spec": 1,
        "base": {"file": str(tmp_path / "model.keras")},
        "set": {"layers": "conv", "to": {"kernel_size": 4}, "weights": "centre"},
        "insert": {"after": "conv", "with": {"Conv2D": {"filters": 4, "kernel_size": 1}, "weights": "identity"}},
    }
    first, second = plan_spec(spec), plan_spec(spec)
    assert second.contracts == first.contracts
    assert [layer.adapter for layer in second.after.layers.values()] == [
        layer.adapter for layer in first.after.layers.values()
    ]
