"""What `fold: batch_norm` leaves, with its reason, and what goes where layers and tensors are used more than once."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers

from spec_compiler import SpecError, compile_spec, plan_spec
from spec_compiler.cli.show import plan_text
from tests.backend.folding import (
    FOLD,
    IMAGE,
    ROW,
    SOUND,
    assert_same_function,
    conv,
    left,
    model_of,
    norm,
    norms,
    on_both,
    on_two,
)


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
