"""Names: every layer of the result is called as the plan says, and no two layers share a name in Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras.src.utils.naming import to_snake_case  # private: how Keras makes a name of a class

from spec_compiler import SpecError, compile_spec, plan_spec
from spec_compiler.backend.models.reader import read_graph
from spec_compiler.cli.show import layer_rows, table_text
from spec_compiler.diagram import to_dot
from spec_compiler.keras_facts import catalogue
from spec_compiler.language.layer_names import snake_case
from spec_compiler.plan.two_models import compare
from tests.backend.conftest import assert_same_bits, branching, outputs_of, randomized


def tower(name: str, *layers: str) -> Any:
    """Dense layers of these names in a row, random weights; its input is called `x`."""
    x = inputs = keras.Input((4,), name="x")
    for number, layer in enumerate(layers):
        x = keras.layers.Dense(4 + number, activation="tanh", name=layer)(x)
    return randomized(keras.Model(inputs, x, name=name), seed=len(layers[0]))


def saved(folder: Path, **models: Any) -> dict[str, Any]:
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
    return {name: {"file": str(folder / f"{name}.keras")} for name in models}


def rows(width: int = 4) -> Any:
    return np.random.default_rng(1).normal(size=(3, width)).astype("float32")


def numbers(*tensors: Any) -> list[Any]:
    return [keras.ops.convert_to_numpy(each) for each in tensors]


def assert_named_as_planned(compiled: Any) -> None:
    """Every layer of the model is where the plan says, and none is called otherwise."""
    planned = {layer.name_in_keras for layer in compiled.plan.after.layers.values()}
    assert {operation.name for operation in compiled.model.operations} == planned
    assert len(planned) == len(compiled.plan.after.layers)


def test_finding_W23_an_input_under_another_name(images: Any) -> None:
    model = branching()
    spec = {"spec": 1, "input": {"name": "picture"}, "freeze": "picture..stem"}
    compiled = compile_spec(spec, base=model)
    assert compiled.model.input.name == "picture"
    assert_same_bits(numbers(compiled.model(images)), outputs_of(model, images))
    (change,) = [change for change in compiled.plan.changes if change.name == "picture"]
    assert change.before is not None
    assert (change.action, change.before.name) == ("changed", "image")
    assert ("name", "image", "picture") in change.details
    assert compiled.plan.count("dropped") == compiled.plan.count("new") == 0
    for view in ("before", "after", "side-by-side", "diff"):
        assert "stem" in to_dot(compiled.plan, view)
    assert plan_spec(spec, base=model) == compiled.plan


def test_finding_W23_the_key_of_an_input_goes_with_its_name() -> None:
    inputs = {"left": keras.Input((4,), name="left"), "right": keras.Input((4,), name="right")}
    both = keras.layers.Concatenate()([inputs["left"], inputs["right"]])
    base = keras.Model(inputs, keras.layers.Dense(2)(both))
    spec = {"spec": 1, "input": {"layer": "left", "name": "picture"}}
    model = compile_spec(spec, base=base, prove=True).model
    left, right = np.full((1, 4), 0.5, "float32"), np.full((1, 4), 2.0, "float32")
    found = model({"picture": left, "right": right})
    assert np.array_equal(np.asarray(found), np.asarray(base({"left": left, "right": right})))


def test_finding_W23_a_new_layer_may_take_the_name_that_is_free(images: Any) -> None:
    spec = {"spec": 1, "input": {"name": "picture"}, "head": [{"Dense": {"units": 2, "name": "image"}}]}
    compiled = compile_spec(spec, base=branching())
    assert [change.action for change in compiled.plan.changes if change.name == "image"] == ["new"]
    assert_named_as_planned(compiled)


def test_finding_W6_a_name_stays_within_its_base(tmp_path: Path) -> None:
    bases = saved(tmp_path, left=tower("l", "one", "two"), right=tower("r", "one", "two"))
    spec: dict[str, Any] = {
        "spec": 1,
        "bases": bases,
        "replace": [{"layers": {"each": "*/one"}, "with": [{"Dense": {"units": 4, "name": "{name}"}}]}],
        "insert": [{"after": {"each": "*/two"}, "with": [{"LeakyReLU": {"name": "after_{name}"}}]}],
        "head": [{"Concatenate": {}, "from": ["left/after_two", "right/after_two"]}],
    }
    compiled = compile_spec(spec)
    new = {change.name for change in compiled.plan.changes if change.action == "new"}
    assert new == {"left/one", "right/one", "left/after_two", "right/after_two", "concatenate"}
    assert_named_as_planned(compiled)
    assert compiled.model.get_layer("left_after_two").name == "left_after_two"


def test_finding_W6_a_name_stays_within_its_nested_model() -> None:
    inputs = keras.Input((4,), name="in")
    outputs = keras.layers.Add(name="sum")([tower("l", "one", "two")(inputs), tower("r", "one", "two")(inputs)])
    model = keras.Model(inputs, outputs, name="pair")
    layers = [{"LeakyReLU": {"negative_slope": 0.5, "name": "{name}_leak"}}]
    compiled = compile_spec(
        {"spec": 1, "insert": [{"after": {"each": ["l/two", "r/two"]}, "with": layers}]}, base=model
    )
    assert {"l/two_leak", "r/two_leak"} < set(compiled.plan.after.layers)
    assert_named_as_planned(compiled)
    left, right = (model.get_layer(name)(rows()) for name in ("l", "r"))
    leak = keras.layers.LeakyReLU(negative_slope=0.5)
    assert_same_bits(outputs_of(compiled.model, rows()), numbers(leak(left) + leak(right)))


def test_finding_W7_two_bases_whose_flat_names_agree(tmp_path: Path) -> None:
    bases = saved(tmp_path, a=tower("m", "b_d", "out"), a_b=tower("n", "d", "out"))
    spec = {"spec": 1, "bases": bases, "head": [{"Concatenate": {}, "from": ["a/out", "a_b/out"]}]}
    compiled = compile_spec(spec)
    assert_named_as_planned(compiled)
    names = {name: layer.name_in_keras for name, layer in compiled.plan.after.layers.items()}
    assert names["a/b_d"] == "a_b_d"
    assert names["a_b/d"] == "a_b_d_1"
    assert names["a_b/out"] == "a_b_out"
    by_hand = [keras.models.load_model(base["file"])(rows()) for base in bases.values()]
    found = outputs_of(compiled.model, [rows(), rows()])
    assert_same_bits(found, numbers(keras.ops.concatenate(by_hand, axis=-1)))
    assert plan_spec(spec) == compiled.plan


def test_finding_W7_a_head_layer_beside_a_flat_name(tmp_path: Path) -> None:
    bases = saved(tmp_path, a=tower("m", "one", "out"), b=tower("n", "one", "out"))
    head = [{"Concatenate": {}, "from": ["a/out", "b/out"]}, {"Dense": {"units": 2, "name": "a_one"}}]
    compiled = compile_spec({"spec": 1, "bases": bases, "head": head})
    assert_named_as_planned(compiled)
    assert compiled.model.get_layer("a_one").units == 2
    assert compiled.plan.after.layers["a/one"].keras_name == "a_one_1"
    row = next(row for row in compiled.weights if row.layer == "a/one")
    assert row.action == "copied"


LINEAR = {"layers": "m/two", "to": {"kernel_regularizer": "l2"}}  # which opens `m`


def test_finding_W7_an_opened_model_beside_a_new_layer() -> None:
    inputs = keras.Input((4,), name="in")
    model = keras.Model(inputs, tower("m", "dense", "two")(inputs), name="outer")
    compiled = compile_spec({"spec": 1, "set": [LINEAR], "head": [{"Dense": 2}]}, base=model)
    assert_named_as_planned(compiled)
    assert compiled.model.get_layer("dense").units == 4  # what Keras would number gets another name
    named = compile_spec({"spec": 1, "set": [LINEAR], "head": [{"Dense": {"units": 2, "name": "dense"}}]}, base=model)
    assert_named_as_planned(named)
    assert named.model.get_layer("dense").units == 2  # what the user named keeps it


@keras.saving.register_keras_serializable("tests_names")
class Renaming(keras.layers.Layer):  # type: ignore[misc]
    """A layer that adds to its name each time it is made."""

    def __init__(self, name: str = "renaming", **arguments: Any) -> None:
        super().__init__(name=f"{name}_more", **arguments)

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(shape[-1],), name="scale")

    def call(self, tensor: Any) -> Any:
        return tensor * self.scale


@keras.saving.register_keras_serializable("tests_names")
class Nameless(Renaming):
    """A layer that has the same name always."""

    def __init__(self, name: str = "", **arguments: Any) -> None:
        super().__init__("same", **arguments)

    def get_config(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize("cls", [Renaming, Nameless])
@pytest.mark.parametrize("nested", [False, True])
def test_finding_F11_a_layer_that_renames_itself(cls: Any, nested: bool) -> None:
    inputs = keras.Input((4,), name="in")
    model = keras.Model(inputs, cls(name="scaled")(inputs), name="inner")
    if nested:
        outer = keras.Input((4,), name="outer_in")
        model = keras.Model(outer, keras.layers.Dense(3, name="top")(model(outer)), name="outer")
    randomized(model)
    compiled = compile_spec({"spec": 1, "name": "result"}, base=model)
    assert_named_as_planned(compiled)
    for before, after in zip(model._flatten_layers(), compiled.model._flatten_layers(), strict=True):
        assert after.name == before.name or before is model
    assert_same_bits(outputs_of(compiled.model, rows()), outputs_of(model, rows()))
    assert_same_bits(numbers(*compiled.model.weights), numbers(*model.weights))


def test_finding_F11_a_new_layer_that_renames_itself() -> None:
    head = [{"tests_names>Nameless": {"name": "mine"}}]
    compiled = compile_spec({"spec": 1, "head": head}, base=tower("m", "one"), allow_code=True)
    assert_named_as_planned(compiled)
    assert compiled.model.layers[-1].name == "mine"


def test_finding_F11_a_name_that_cannot_be_set() -> None:
    class Stubborn(keras.layers.Layer):  # type: ignore[misc]
        @property
        def name(self) -> str:
            return "mine"

        @name.setter
        def name(self, value: str) -> None:
            pass

        def call(self, tensor: Any) -> Any:
            return tensor * 2

    inputs = keras.Input((4,), name="in")
    inner = keras.Model(inputs, Stubborn()(inputs), name="inner")
    outer = keras.Input((4,), name="outer_in")
    model = keras.Model(outer, inner(outer), name="outer")
    spec = {"spec": 1, "insert": [{"after": "inner/mine", "with": [{"Dense": {"units": 4, "name": "inner_mine"}}]}]}
    compile_spec(spec, base=model)  # the name that it has is free
    spec["head"] = [{"Dense": {"units": 4, "name": "mine"}}]
    with pytest.raises(SpecError, match="the class `Stubborn` calls a layer `mine`"):
        compile_spec(spec, base=model)


def test_finding_F7_a_model_whose_input_was_given_to_another() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="a"), keras.layers.Dense(2, name="b")])
    randomized(model)
    keras.models.clone_model(model, input_tensors=model.inputs[0])
    compiled = compile_spec({"spec": 1, "cut_at": "a"}, base=model)
    assert_same_bits(outputs_of(compiled.model, rows()), numbers(model.layers[0](rows())))


def test_finding_W24_names_are_snake_case_as_keras_writes_it() -> None:
    for name in catalogue.layer_names():
        assert snake_case(name) == to_snake_case(name)


def test_finding_W24_automatic_names_are_no_match() -> None:
    def model(filters: int) -> Any:
        return keras.Sequential(
            [
                keras.Input((2, 8, 8, 1)),
                *(
                    keras.layers.ConvLSTM2D(
                        each, 3, padding="same", return_sequences=True, name=f"conv_lstm2d_{number}"
                    )
                    for number, each in enumerate((filters, 4, 2))
                ),
            ]
        )

    first, second = read_graph(model(4)), read_graph(model(5))
    found = {match.before: match.how for match in compare(first, second).matches}
    assert found["conv_lstm2d_0"] == "structure"  # the same number, other weights
    assert found["conv_lstm2d_2"] == "name"


def test_finding_W7_the_layer_table_shows_both_names(tmp_path: Path) -> None:
    bases = saved(tmp_path, a=tower("m", "b_d", "out"), a_b=tower("n", "d", "out"))
    graph = plan_spec({"spec": 1, "bases": bases, "outputs": ["a/out", "a_b/out"]}).before
    table = table_text(graph, layer_rows(graph))
    assert ["4", "a_b/d", "a_b_d_1", "Dense"] in [line.split()[:4] for line in table.splitlines()]
    plain = read_graph(tower("m", "one"))
    assert "in Keras" not in table_text(plain, layer_rows(plain))
