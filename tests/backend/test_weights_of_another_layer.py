"""`weights: {of: NAME}`: variables of the same meaning go over, and what does not is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from spec_compiler import compile_spec
from tests.backend.base_forms import FORMS, actions, compiled, filled, promised
from tests.backend.conftest import assert_same_bits, outputs_of


def net() -> Any:
    inputs = keras.Input((8, 8, 4))
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(6, 3, padding="same", name="conv")(inputs))
    x = layers.Reshape((64, 6), name="places")(layers.ReLU(name="relu")(x))
    x = layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    x = layers.Bidirectional(layers.LSTM(5), name="both")(x)
    return filled(keras.Model(inputs, layers.Dense(3, name="top")(x)))


IMAGES = np.random.default_rng(0).normal(size=(2, 8, 8, 4)).astype("float32")


@pytest.mark.parametrize("form", FORMS)
def test_a_copy_is_the_layer(form: str, tmp_path: Path) -> None:
    base = net()
    attention = {"MultiHeadAttention": {"num_heads": 2, "key_dim": 3, "name": "again"}}
    chain = [
        {"Conv2D": {"filters": 6, "kernel_size": 3, "padding": "same"}, "name": "one", "weights": {"of": "conv"}},
        {"BatchNormalization": {"name": "two"}, "weights": {"of": "norm"}},
    ]
    spec = {
        "replace": [
            {"layers": "conv..norm", "with": chain},
            {"layers": "attention", "with": {**attention, "weights": {"of": "attention"}}},
            {"layers": "top", "with": {"Dense": 3, "weights": {"of": "{name}"}}},
        ]
    }
    result = compiled(spec, base, form, tmp_path)
    assert_same_bits(outputs_of(result.model, IMAGES), outputs_of(base, IMAGES))
    assert {each.preserves for each in result.plan.contracts} == {"exact"}
    assert actions(result, "again")["query/kernel"] == "adapted"
    assert not any(row.action == "initialized" for row in result.weights.rows if row.parameters)


def test_each_match_has_its_own_values() -> None:
    """Gamma and beta of BatchNormalization; the statistics have no place."""
    inputs = keras.Input((8, 8, 4))
    x = layers.BatchNormalization(name="first")(inputs)
    base = filled(keras.Model(inputs, layers.BatchNormalization(name="second")(layers.ReLU(name="relu")(x))))
    entry = {"LayerNormalization": {"name": "{name}"}, "weights": {"of": "{name}"}}
    spec = {"spec": 1, "replace": {"layers": {"each": "type:BatchNormalization"}, "with": entry}}
    result = compile_spec(spec, base=base)
    for name in ("first", "second"):
        old, new = base.get_layer(name), result.model.get_layer(name)
        assert_same_bits(new.get_weights(), old.get_weights()[:2])
    says = "the function: another class than `BatchNormalization`; without the old `moving_mean`, `moving_variance`"
    assert promised(result) == ("not", says)
    assert result.plan.contracts[0].layers == ("first", "second")
    dropped = [(row.layer, row.variable) for row in result.weights.rows if row.action == "dropped"]
    assert dropped == [(layer, f"moving_{each}") for layer in ("first", "second") for each in ("mean", "variance")]


def test_other_arguments_are_said() -> None:
    base = net()
    entry = {"Conv2D": {"filters": 6, "kernel_size": 3, "padding": "same", "dilation_rate": 2, "name": "wide"}}
    spec = {"spec": 1, "replace": {"layers": "conv", "with": {**entry, "weights": {"of": "conv"}}}}
    result = compile_spec(spec, base=base)
    assert_same_bits(result.model.get_layer("wide").get_weights(), base.get_layer("conv").get_weights())
    assert promised(result) == ("not", "the function: another `dilation_rate`")


def test_what_has_another_shape_is_initialised_and_said() -> None:
    base = net()
    entry = {"Conv2D": {"filters": 6, "kernel_size": 5, "padding": "same", "name": "larger"}}
    spec = {"spec": 1, "replace": {"layers": "conv", "with": {**entry, "weights": {"of": "conv"}}}}
    result = compile_spec(spec, base=base)
    assert actions(result, "larger") == {"kernel": "initialized", "bias": "adapted"}
    assert_same_bits(result.model.get_layer("larger").bias.numpy(), base.get_layer("conv").bias.numpy())
    says = "the function: another `kernel_size`; without the old `kernel`; with a fresh `kernel`"
    assert promised(result) == ("not", says)


def test_a_source_of_the_same_edit_and_a_layer_that_is_gone() -> None:
    base = net()
    spec = {
        "spec": 1,
        "cut_at": "relu",
        "head": [{"Flatten": {}}, {"Dense": {"units": 4, "name": "a"}}],
        "insert": {"after": "relu", "with": {"BatchNormalization": {"name": "n"}, "weights": {"of": "norm"}}},
    }
    result = compile_spec(spec, base=base)
    assert_same_bits(result.model.get_layer("n").get_weights(), base.get_layer("norm").get_weights())
