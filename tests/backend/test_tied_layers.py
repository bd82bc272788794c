"""One layer in two places, of which one is a nested model: it is counted once, and frozen where either is."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from spec_compiler import compile_spec
from tests.backend.conftest import randomized


def tied(inner_first: bool) -> Any:
    """`shared` stands in `inner` and outside of it, behind or before it."""
    shared = keras.layers.Dense(4, name="shared")
    start = keras.Input((4,))
    inner = keras.Model(start, keras.layers.Dense(4, name="own")(shared(start)), name="inner")
    inputs = keras.Input((4,), name="start")
    middle = shared(inner(inputs)) if inner_first else inner(shared(inputs))
    return randomized(keras.Model(inputs, keras.layers.Dense(2, name="out")(middle), name="outer"))


def trains(model: Any) -> list[str]:
    return sorted(each.path for each in model.trainable_variables)


@pytest.mark.parametrize("inner_first", [False, True])
@pytest.mark.parametrize(
    ("freeze", "left"),
    [("inner", ["out/bias", "out/kernel"]), ("shared", ["out/bias", "out/kernel", "own/bias", "own/kernel"])],
)
def test_freezing_one_of_two_holders(inner_first: bool, freeze: str, left: list[str]) -> None:
    """In memory only: what Keras saves of such a model it cannot load."""
    base = tied(inner_first)
    compiled = compile_spec({"spec": 1, "freeze": freeze}, base=base)
    assert trains(compiled.model) == left
    assert compiled.plan.after.num_parameters == compiled.model.count_params() == base.count_params()
    assert not compiled.plan.after.layers["shared"].trainable
    assert compiled.plan.after.layers["inner"].trainable == (freeze == "shared")


@pytest.mark.parametrize("inner_first", [False, True])
def test_layers_are_tied_in_a_model_that_is_opened_as_well(inner_first: bool) -> None:
    """What a file calls the place of a layer inside is not that of a layer outside which has the same place there."""
    opening = {"set": [{"layers": "inner/own", "to": {"activation": "relu"}}]}
    compiled = compile_spec({"spec": 1, **opening, "freeze": "inner/shared"}, base=tied(inner_first))
    after = compiled.plan.after
    assert {layer.name for layer in after.tied_layers} == {"shared", "inner/shared"}
    assert trains(compiled.model) == ["out/bias", "out/kernel", "own/bias", "own/kernel"]
    assert [name for name, layer in after.layers.items() if layer.can_train and layer.trainable] == ["inner/own", "out"]
    assert after.num_parameters == compiled.model.count_params()


def test_what_holds_a_frozen_layer_beside_its_own_still_trains() -> None:
    model = compile_spec({"spec": 1, "freeze": "inner", "outputs": "inner"}, base=tied(True)).model
    assert trains(model) == []
