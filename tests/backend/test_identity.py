"""`weights: identity`: a new layer puts out what it takes, and a new branch adds nothing, or the spec is refused.

The outputs of the base are compared with those of the result: equal bit for bit, but behind a BatchNormalization.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from spec_compiler import CompiledSpec, SpecError, check_spec, compile_spec, plan_spec
from tests.backend.conftest import assert_same_bits, outputs_of
from tests.backend.test_kernels_adapted import promised, random, valued

WEIGHTS = {"weights": "identity"}


def base(*shape: int, before: Callable[[Any], Any] = lambda x: x, name: str = "net") -> Any:
    """A model of a layer that takes values below zero too, of `before` behind it, and of one more layer."""
    inputs = keras.Input(shape, name="image")
    hidden = layers.Dense(shape[-1], name="first")(inputs)
    return valued(keras.Model(inputs, layers.Dense(3, name="last")(before(hidden)), name=name))


def inserted(model: Any, *entries: Any, **more: Any) -> CompiledSpec:
    """The model with entries in front of its last layer."""
    return compile_spec({"spec": 1, "insert": {"before": "last", "with": list(entries)}, **more}, base=model)


def assert_kept(model: Any, compiled: CompiledSpec, tolerance: float = 0) -> None:
    """The result puts out what the base does, the weights that say what new layers put out are adapted, by promise."""
    inputs = random(*model.input_shape[1:])
    [wanted], [found] = outputs_of(model, inputs), outputs_of(compiled.model, inputs)
    assert np.abs(wanted).max() > 0.1
    assert np.abs(found - wanted).max() <= tolerance * np.abs(wanted).max()
    assert {contract.preserves for contract in compiled.plan.contracts} == {"exact"}
    assert all(row.source is None and row.formula for row in compiled.weights.of("adapted"))


SAME = {"padding": "same"}
LAYERS: list[tuple[tuple[int, ...], str, dict[str, Any]]] = [
    ((5,), "Dense", {"units": 5}),
    ((4, 5), "Dense", {"units": "${in.channels}", "use_bias": False}),
    ((3, 4, 5), "Dense", {"units": 5, "kernel_initializer": "ones", "bias_initializer": "ones"}),
    ((4, 5), "EinsumDense", {"equation": "abc,cd->abd", "output_shape": [4, 5], "bias_axes": "d"}),
    ((4, 5), "EinsumDense", {"equation": "abc,bcde->ade", "output_shape": [4, 5], "bias_axes": "de"}),
    ((4, 5), "EinsumDense", {"equation": "abc,bd->adc", "output_shape": [4, 5], "bias_axes": "c"}),
    ((4, 5), "EinsumDense", {"equation": "abc,bcd->abd", "output_shape": [4, 5]}),
    ((4, 5), "EinsumDense", {"equation": "abc,dbc->adc", "output_shape": [4, 5], "bias_axes": "dc"}),
    ((4, 5), "EinsumDense", {"equation": "abc,bc->abc", "output_shape": [4, 5]}),
    ((4, 5), "EinsumDense", {"equation": "...c,cd->...d", "output_shape": [5]}),
    ((9, 4), "Conv1D", {"filters": 4, "kernel_size": 3, **SAME}),
    ((9, 4), "Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}),
    ((6, 7, 4), "Conv2D", {"filters": 4, "kernel_size": 1}),
    ((6, 7, 4), "Conv2D", {"filters": 4, "kernel_size": [2, 4], **SAME}),
    ((6, 7, 4), "Conv2D", {"filters": 4, "kernel_size": 3, "dilation_rate": [2, 3], **SAME}),
    ((6, 7, 6), "Conv2D", {"filters": 6, "kernel_size": 3, "groups": 3, **SAME}),
    ((4, 5, 3, 4), "Conv3D", {"filters": 4, "kernel_size": [3, 2, 1], **SAME}),
    ((9, 4), "Conv1DTranspose", {"filters": 4, "kernel_size": 4, **SAME}),
    ((6, 7, 4), "Conv2DTranspose", {"filters": 4, "kernel_size": [2, 3], **SAME}),
    ((4, 5, 3, 4), "Conv3DTranspose", {"filters": 4, "kernel_size": 3, **SAME}),
    ((9, 4), "DepthwiseConv1D", {"kernel_size": 5, **SAME}),
    ((6, 7, 4), "DepthwiseConv2D", {"kernel_size": 3, "data_format": "channels_last", **SAME}),
    ((6, 7, 4), "DepthwiseConv2D", {"kernel_size": 3, "data_format": "channels_first", **SAME}),
    ((9, 4), "SeparableConv1D", {"filters": 4, "kernel_size": 2, **SAME}),
    ((6, 7, 4), "SeparableConv2D", {"filters": 4, "kernel_size": 3, "depth_multiplier": 3, **SAME}),
    ((6, 7, 4), "PReLU", {}),
    ((6, 7, 4), "PReLU", {"shared_axes": [1, 2]}),
]


@pytest.mark.parametrize(("shape", "name", "arguments"), LAYERS)
def test_every_class(shape: tuple[int, ...], name: str, arguments: dict[str, Any]) -> None:
    model = base(*shape)
    compiled = inserted(model, {name: arguments, "name": "new", **WEIGHTS})
    assert_kept(model, compiled)
    assert promised(compiled) == "exact: the function"
    variables = compiled.model.get_layer("new").weights
    assert [row.layer for row in compiled.weights.of("adapted")] == ["new"] * len(variables)
    assert compiled.model.get_layer("new").trainable


@pytest.mark.parametrize(
    "arguments",
    [{}, {"epsilon": 0.1}, {"scale": False, "epsilon": 0.2}, {"center": False}, {"axis": 1, "epsilon": 0.3}],
)
def test_batch_normalization(arguments: dict[str, Any]) -> None:
    model = base(6, 7, 4)
    compiled = inserted(model, {"BatchNormalization": arguments, "name": "new", **WEIGHTS})
    assert_kept(model, compiled, 1e-6)
    assert promised(compiled) == "exact: the function at inference"
    layer = compiled.model.get_layer("new")
    if arguments.get("scale", True):
        wanted = np.full(layer.gamma.shape, sqrt(1 + arguments.get("epsilon", 1e-3)), "float32")
        assert_same_bits(np.asarray(layer.gamma), wanted)
    plain = inserted(model, {"BatchNormalization": {"epsilon": 0.1}})  # which is not neutral by itself
    [wanted], [found] = outputs_of(model, random(6, 7, 4)), outputs_of(plain.model, random(6, 7, 4))
    assert np.abs(found - wanted).max() > 0.01 * np.abs(wanted).max()


# TensorFlow has no such convolutions on a CPU, but XLA has
COMPILED: list[tuple[tuple[int, ...], str, dict[str, Any]]] = [
    ((4, 6, 7), "Conv2D", {"filters": 4, "kernel_size": 3, "data_format": "channels_first", **SAME}),
    ((4, 6, 7), "Conv2D", {"filters": 4, "kernel_size": 3, "groups": 2, "data_format": "channels_first", **SAME}),
    ((4, 6, 7), "Conv2DTranspose", {"filters": 4, "kernel_size": [2, 3], "data_format": "channels_first", **SAME}),
    ((6, 7, 4), "Conv2DTranspose", {"filters": 4, "kernel_size": 3, "dilation_rate": 2, **SAME}),
]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of TensorFlow")
@pytest.mark.parametrize(("shape", "name", "arguments"), COMPILED)
def test_compiled(shape: tuple[int, ...], name: str, arguments: dict[str, Any]) -> None:
    import tensorflow as tf

    model = base(*shape)
    compiled = inserted(model, {name: arguments, **WEIGHTS})
    wanted, found = (
        np.asarray(tf.function(each, jit_compile=True)(random(*shape))) for each in (model, compiled.model)
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert promised(compiled) == "exact: the function"


@pytest.mark.parametrize(
    ("equation", "shape", "why"),
    [
        ("abc,cbd->adb", [4, 4], "changes more than the sizes of axes"),
        ("abc,cd->ad", [4], "changes more than the sizes of axes"),
        ("abc,cd->abd", [4, 5], "it takes 4 channels, and puts out 5"),
    ],
)
def test_an_equation_that_does_more(equation: str, shape: list[int], why: str) -> None:
    entry = {"EinsumDense": {"equation": equation, "output_shape": shape}, **WEIGHTS}
    [problem] = check_spec({"spec": 1, "cut_at": "first", "head": entry}, base=base(4, 4))
    assert problem.code == "SC407"
    assert why in problem.message


def test_the_values_by_hand() -> None:
    """The axes of a transposed kernel are those of a convolution's, (height, width, out, in)."""
    model = base(6, 7, 2)
    kernels = [("Conv2D", {"filters": 2}, (3, 3)), ("Conv2DTranspose", {"filters": 2}, (3, 3))]
    for name, arguments, size in kernels:
        compiled = inserted(model, {name: {**arguments, "kernel_size": list(size), **SAME}, "name": "new", **WEIGHTS})
        kernel = np.zeros((*size, 2, 2), "float32")
        kernel[1, 1] = [[1, 0], [0, 1]]
        assert_same_bits(compiled.model.get_layer("new").get_weights(), [kernel, np.zeros(2, "float32")])


# activations


def relu6(x: Any) -> Any:
    return layers.ReLU(max_value=6)(x)


def pooled(x: Any) -> Any:
    x = layers.Activation("sigmoid")(x)
    x = layers.Concatenate()([layers.MaxPooling1D(2, padding="same")(x), layers.AveragePooling1D(2, padding="same")(x)])
    return layers.ZeroPadding1D(1)(layers.Dropout(0.1)(x))


BEHIND: list[tuple[Callable[[Any], Any], str, bool]] = [
    (layers.Identity(), "linear", True),
    (layers.Identity(), "relu", False),
    (layers.ReLU(), "relu", True),
    (layers.Activation("softplus"), "elu", True),
    (layers.ReLU(), "relu6", False),
    (relu6, "relu6", True),
    (relu6, "hard_tanh", False),
    (pooled, "relu", True),
    (layers.Softmax(), "relu6", True),
    (layers.Activation("tanh"), "relu", False),
    (layers.Activation("tanh"), "hard_tanh", True),
    (layers.ReLU(negative_slope=0.1), "relu", False),
    (layers.ReLU(), "softplus", False),
    (lambda x: layers.Add()([layers.ReLU()(x), layers.Activation("sigmoid")(x)]), "relu", True),
    (lambda x: layers.Add()([layers.ReLU()(x), x]), "relu", False),
    (lambda x: layers.Multiply()([layers.ReLU()(x), layers.Activation("sigmoid")(x)]), "relu", True),
    (lambda x: layers.ReLU()(x) - 1, "relu", False),
    (lambda x: layers.BatchNormalization()(layers.ReLU()(x)), "relu", False),
    (lambda x: keras.ops.relu(x), "relu", True),
]


@pytest.mark.parametrize(("before", "activation", "is_kept"), BEHIND)
def test_an_activation_that_changes_nothing(before: Callable[[Any], Any], activation: str, is_kept: bool) -> None:
    model = base(8, 4, before=before)
    entry = {"Dense": {"units": "${in.channels}", "activation": activation}, "name": "new", **WEIGHTS}
    if is_kept:
        assert_kept(model, inserted(model, entry))
        return
    with pytest.raises(SpecError) as caught:
        inserted(model, entry)
    [problem] = caught.value.diagnostics
    assert problem.code == "SC407"
    assert f"its activation `{activation}` is not the identity on all that it takes" in problem.message
    assert problem.help == "leave `activation` out, or put it behind the layer"
    out = {"Dense": {"units": "${in.channels}"}, "name": "new", **WEIGHTS}
    assert_kept(model, inserted(model, out))  # what the help says


def test_a_call_that_takes_other_values() -> None:
    model = base(8, 4, before=layers.ReLU())
    entry = {"Dense": {"units": 4, "activation": "relu"}, "name": "new", **WEIGHTS}
    assert_kept(model, inserted(model, entry, {"layer": "new"}))
    compiled = inserted(model, entry, {"Dense": 4}, {"layer": "new"})
    assert promised(compiled) == "not: its call `new@1` needs other values"


# branches


def branch(*entries: Any, last: dict[str, Any] | None = None) -> list[Any]:
    return [*entries, last or {"Add": {}, "from": ["in", "above"]}]


BRANCHES: list[tuple[tuple[int, ...], list[Any], str]] = [
    ((6, 7, 4), branch({"Conv2D": {"filters": 4, "kernel_size": 3, **SAME}, **WEIGHTS}), "kernel, bias"),
    (
        (6, 7, 4),
        branch({"Conv2D": {"filters": 2, "kernel_size": 1}}, {"Conv2D": {"filters": 4, "kernel_size": 1}, **WEIGHTS}),
        "kernel, bias",
    ),
    (
        (5,),
        branch({"Dense": 2}, {"Dense": {"units": 5, "activation": "relu"}, **WEIGHTS}, {"Dropout": 0.5}),
        "kernel, bias",
    ),
    (
        (6, 7, 4),
        branch({"SeparableConv2D": {"filters": 4, "kernel_size": 3, **SAME}, **WEIGHTS}, "ReLU"),
        "pointwise_kernel, bias",
    ),
    (
        (6, 7, 4),
        branch({"DepthwiseConv2D": {"kernel_size": 3, **SAME}, **WEIGHTS}, {"Activation": "tanh"}),
        "kernel, bias",
    ),
    (
        (6, 7, 4),
        branch({"Conv2D": {"filters": 4, "kernel_size": 1}}, {"BatchNormalization": {}, **WEIGHTS}),
        "gamma, beta",
    ),
    ((5,), branch({"Dense": 5}, {"LayerNormalization": {}, **WEIGHTS}), "gamma, beta"),
    ((5,), branch({"Dense": 5}, {"RMSNormalization": {}, **WEIGHTS}), "scale"),
    (
        (6, 4),
        branch(
            {"MultiHeadAttention": {"num_heads": 2, "key_dim": 3}, "from": {"query": "in", "value": "in"}, **WEIGHTS}
        ),
        "attention_output/kernel, attention_output/bias",
    ),
]


@pytest.mark.parametrize(("shape", "entries", "zero"), BRANCHES, ids=range(len(BRANCHES)))
def test_a_residual_branch_adds_nothing(shape: tuple[int, ...], entries: list[Any], zero: str) -> None:
    model = base(*shape)
    compiled = inserted(model, *entries)
    assert_kept(model, compiled)
    assert promised(compiled).endswith("the function: its branch adds zeros") or "at inference" in promised(compiled)
    assert ", ".join(row.variable for row in compiled.weights.of("adapted")) == zero
    assert {row.formula for row in compiled.weights.of("adapted")} == {"0"}
    inputs = random(*shape)
    compiled.model.compile("sgd", "mse")
    compiled.model.fit(inputs, np.ones((2, *compiled.model.output_shape[1:])), verbose=0)
    assert np.abs(outputs_of(compiled.model, inputs)[0] - outputs_of(model, inputs)[0]).max() > 1e-4  # it learns


def test_an_add_of_something_else_is_no_residual_branch() -> None:
    """The layer is the identity itself: what the `Add` takes besides is not what flows into its branch."""
    model = base(5)
    entries = [
        {"Dense": {"units": 5, "name": "new"}, **WEIGHTS},
        {"Add": {"name": "more"}, "from": ["image", "above"]},  # `first` would be lost
    ]
    compiled = inserted(model, *entries)
    assert_same_bits(compiled.model.get_layer("new").get_weights()[0], np.eye(5, dtype="float32"))


def test_before_an_add_of_the_base_a_layer_is_the_identity() -> None:
    model = base(5, before=lambda x: layers.Add(name="sum")([x, layers.Dense(5, name="side")(x)]))
    compiled = compile_spec({"spec": 1, "insert": {"after": "side", "with": {"Dense": 5, **WEIGHTS}}}, base=model)
    assert_kept(model, compiled)
    assert compiled.weights.of("adapted")[0].formula == "I"


def test_a_branch_cannot_add_zeros() -> None:
    model = base(5)
    for entry, why in (
        ({"Dense": {"units": 5, "activation": "sigmoid"}}, "its activation `sigmoid` makes no zeros of zeros"),
        ({"LayerNormalization": {"scale": False}}, "no weights of a `LayerNormalization` make it put out zeros"),
        ({"UnitNormalization": {}}, "no weights of a `UnitNormalization` make it put out zeros"),
    ):
        [problem] = check_spec(spec_of(branch({"Dense": 5}, {**entry, **WEIGHTS})), base=model)
        assert problem.code == "SC407"
        assert why in problem.message


def spec_of(entries: list[Any]) -> dict[str, Any]:
    return {"spec": 1, "insert": {"before": "last", "with": entries}}


# blocks


@pytest.mark.parametrize("block", ["residual", "inverted_residual", "bottleneck", "transformer_encoder"])
def test_a_block_begins_as_the_identity(block: str) -> None:
    shape = (6, 8) if block == "transformer_encoder" else (6, 7, 8)
    model = base(*shape, before=layers.ReLU())
    entry = {block: {"times": 2}, **WEIGHTS}
    compiled = inserted(model, entry)
    assert_kept(model, compiled)
    assert len({row.layer for row in compiled.weights.of("adapted")}) == (4 if block == "transformer_encoder" else 2)
    plain = inserted(model, {block: {"times": 2}})
    assert np.abs(outputs_of(plain.model, random(*shape))[0] - outputs_of(model, random(*shape))[0]).max() > 1e-3


def test_a_block_of_one_s_own() -> None:
    model = base(6, 7, 8)
    blocks = {
        "adapter": {
            "layers": [
                {"Conv2D": {"filters": 2, "kernel_size": 1, "activation": "relu"}},
                {"Conv2D": {"filters": "${in.channels}", "kernel_size": 1}},
                {"Add": {}, "from": ["in", "above"]},
            ]
        }
    }
    compiled = inserted(model, {"adapter": {}, "name": "{name}_adapter", **WEIGHTS}, blocks=blocks)
    assert_kept(model, compiled)
    assert [row.layer for row in compiled.weights.of("adapted")] == ["last_adapter/conv2d_1"] * 2


# among others


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_nested_and_from_files(suffix: str, tmp_path: Path) -> None:
    image = keras.Input((6, 7, 3), name="image")
    model = valued(keras.Model(image, layers.Dense(2, name="end")(base(6, 7, 3, name="inside")(image)), name="outer"))
    model.save(tmp_path / f"model{suffix}")
    entries = [
        {"Conv2D": {"filters": 3, "kernel_size": 3, **SAME}, "name": "{name}_new", **WEIGHTS},
        {"BatchNormalization": {}, **WEIGHTS},
    ]
    spec = {"spec": 1, "base": {"file": str(tmp_path / f"model{suffix}")}}
    compiled = compile_spec({**spec, "insert": {"after": "inside/first", "with": entries}})
    assert_kept(model, compiled, 1e-6)
    compiled.model.save(tmp_path / "result.keras")
    again = keras.models.load_model(tmp_path / "result.keras")
    assert_same_bits(outputs_of(again, random(6, 7, 3)), outputs_of(compiled.model, random(6, 7, 3)))


def test_shared_and_for_each() -> None:
    model = base(5, before=layers.Dense(5, name="second"))
    entries = [{"Dense": 5, "name": "new", **WEIGHTS}, {"layer": "new"}]
    assert_kept(model, inserted(model, *entries))
    spec = {"after": {"each": ["first", "second"]}, "with": {"Dense": 5, "name": "{name}_new", **WEIGHTS}}
    compiled = compile_spec({"spec": 1, "insert": spec, "rename": {"first": "eins"}}, base=model)
    assert_kept(model, compiled)
    assert compiled.plan.contracts[0].layers == ("first_new", "second_new")


def test_what_set_makes_of_it() -> None:
    model = base(6, 7, 4)
    entry = {"Conv2D": {"filters": 4, "kernel_size": 1, **SAME}, "name": "new", **WEIGHTS}
    compiled = inserted(model, entry, set={"layers": "new", "to": {"kernel_size": 3}})
    assert_kept(model, compiled)
    assert compiled.model.get_layer("new").kernel.shape == (3, 3, 4, 4)


def test_the_plan_says_it() -> None:
    [said] = plan_spec(spec_of(branch({"Dense": 5, **WEIGHTS})), base=base(5)).to_json()["weights"]
    assert (said["strategy"], said["preserves"]) == ("identity", "exact")
    assert (said["formula"], said["text"]) == ("zeros, which its branch adds", "the function: its branch adds zeros")
    assert said["path"] == ["insert", 0, "with", 0, "weights"]
