"""`rename` gives Keras's layers other names and changes nothing else: the model is the one that has them by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest

from spec_compiler import check_spec, compile_spec
from tests.backend.conftest import Scaled, assert_same_bits, branching, outputs_of, randomized
from tests.memory import assert_planned_without_keras

NAMES = {
    "stem": "block1_conv1",
    "block1_conv1": "stem",
    "block1_add": "first",
    "predictions": "scores",
    "image": "pixels",
}


def by_hand(model: Any, names: dict[str, str]) -> Any:
    """The model with each layer made anew under its other name."""

    def renamed(layer: Any) -> Any:
        return type(layer).from_config({**layer.get_config(), "name": names.get(layer.name, layer.name)})

    pixels = keras.Input(model.input_shape[1:], name=names["image"])
    made = keras.models.clone_model(model, input_tensors=pixels, clone_function=renamed)
    made.set_weights(model.get_weights())
    return made


def test_the_model_is_the_one_with_other_names(images: Any, tmp_path: Path) -> None:
    model = branching()
    compiled = compile_spec({"spec": 1, "rename": NAMES, "freeze": "stem"}, base=model, prove=True)
    wanted = by_hand(model, NAMES)
    compiled.model.save(tmp_path / "renamed.keras")
    loaded = keras.models.load_model(tmp_path / "renamed.keras")
    for found in (compiled.model, loaded):
        assert [layer.name for layer in found.layers] == [layer.name for layer in wanted.layers]
        assert_same_bits(outputs_of(found, images), outputs_of(wanted, images))
    assert not loaded.get_layer("stem").trainable
    assert compiled.weights.proof is not None
    assert compiled.weights.proof.layers == len(model.layers) - 1
    assert {(change.name, change.details) for change in compiled.plan.changes if change.action == "changed"} == {
        *((new, (("name", old, new),)) for old, new in NAMES.items() if new != "stem"),
        ("stem", (("trainable", True, False), ("name", "block1_conv1", "stem"))),
    }


def test_the_ledger_says_where_the_values_are_from() -> None:
    compiled = compile_spec({"spec": 1, "rename": NAMES}, base=branching())
    rows = {(row.layer, row.variable): row for row in compiled.weights.rows}
    assert {row.action for row in rows.values()} == {"copied"}
    assert rows["stem", "kernel"].source == "branching:block1_conv1/kernel"
    assert rows["scores", "bias"].source == "branching:predictions/bias"


def test_what_goes_after_it_was_renamed_for_nothing() -> None:
    (error,) = check_spec({"spec": 1, "rename": {"predictions": "scores"}, "outputs": "drop"}, base=branching())
    assert (error.code, error.path) == ("SC310", ("rename", "predictions"))


class Own(Scaled):
    """A layer that its config does not make: it leaves the factor out."""

    def get_config(self) -> dict[str, Any]:
        return dict(keras.layers.Layer.get_config(self))


def test_layers_that_are_made_from_the_originals(images: Any) -> None:
    inputs = keras.Input((16, 16, 3), name="image")
    shared = keras.layers.Dense(3, name="shared")
    tower = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(3, 3, name="conv")], name="tower")
    x = shared(shared(Own(0.5, name="own")(inputs))) + 1.0
    double = keras.layers.Lambda(lambda x: 2 * x, name="double")
    model = randomized(keras.Model(inputs, double(tower(x)), name="odd"))
    for names in (
        {"own": "mine", "shared": "twice"},
        {"tower/conv": "own", "own": "conv"},
        {"tower": "body", "double": "d"},
    ):
        compiled = compile_spec({"spec": 1, "rename": names}, base=model, allow_code=True, prove=True)
        assert_same_bits(outputs_of(compiled.model, images), outputs_of(model, images))
        assert {*names.values()} <= {layer.name for layer in compiled.model.layers}


def test_bases_side_by_side(images: Any, tmp_path: Path) -> None:
    model = branching()
    model.save(tmp_path / "model.keras")
    path = tmp_path / "spec.yaml"
    path.write_text(
        "spec: 1\nbases: {a: {file: model.keras}, b: {file: model.keras}}\n"
        "head: [{Average: {name: mean}, from: [a/predictions, b/predictions]}]\n"
        "rename: {a/stem: stem, b/predictions: second, b/image: right}\n"
        "train: []\n"
    )
    compiled = compile_spec(path, prove=True)
    names = {layer.name for layer in compiled.model.layers}
    assert {"stem", "b_stem", "second", "a_predictions", "right"} <= names
    assert_same_bits(outputs_of(compiled.model, [images, images]), outputs_of(model, images))
    assert compiled.weights.proof is not None
    assert compiled.weights.proof.layers == 2 * (len(model.layers) - 1)


@pytest.mark.parametrize(
    "rest", ["", "freeze: stem", "outputs: {low: first, high: scores}", "set: [{layers: drop, to: {rate: 0}}]"]
)
def test_without_keras_it_is_the_same_plan(rest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(tmp_path / "cache"))
    branching().save(tmp_path / "model.keras")
    path = tmp_path / "spec.yaml"
    lines = ", ".join(f"{old}: {new}" for old, new in NAMES.items())
    path.write_text(f"spec: 1\nbase: {{file: model.keras}}\nrename: {{{lines}}}\n{rest}\n")
    assert_planned_without_keras(path)


def test_the_inside_of_a_model_has_no_new_name() -> None:
    """With its own name it would be opened, and there would be no whole to rename."""
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="dense")], name="tower")
    model = keras.Sequential([keras.Input((4,)), inner, keras.layers.Dense(2, name="top")])
    for inside in ("/..", "/dense", "[0:1]"):
        (error,) = check_spec({"spec": 1, "rename": {"tower": "body"}, "outputs": f"body{inside}"}, base=model)
        assert (error.code, error.path) == ("SC201", ("outputs",))
        assert error.message == f"`body{inside}` leads into `body`, which `rename` renames as a whole"
        assert error.help == f"leave `tower` out of `rename`, then `tower{inside}` is what you mean"
        assert not check_spec({"spec": 1, "outputs": f"tower{inside}"}, base=model)
        # what is frozen inside is so in the closed model, by the name that it has then
        assert not check_spec({"spec": 1, "rename": {"tower": "body"}, "freeze": f"body{inside}"}, base=model)


def test_a_second_call_that_was_renamed_is_told_as_lost() -> None:
    numbers = keras.Input((4,), name="numbers")
    shared = keras.layers.Dense(3, name="shared")
    calls = [shared(keras.layers.Dense(4, name=name)(numbers)) for name in ("left", "right")]
    model = keras.Model(numbers, keras.layers.Add(name="sum")(calls))
    spec = {"spec": 1, "remove": ["right"], "rename": {"shared": "one"}, "outputs": "one@0"}
    (warning,) = check_spec(spec, base=model)
    assert (warning.code, warning.path) == ("SC310", ("remove", 0))
