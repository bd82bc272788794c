"""Models of the user's own: what kinds of graphs are read, rebuilt and saved, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, compile_spec, plan_spec
from tests.backend.conftest import assert_same_bits, branching, outputs_of, randomized


def roundtrip(base: Any, data: Any, tmp_path: Path) -> Any:
    """The base through an empty spec, and through a file: the same bits each time."""
    model = compile_spec({"spec": 1}, base=base).model
    assert_same_bits(outputs_of(model, data), outputs_of(base, data))
    model.save(tmp_path / "model.keras")
    again = compile_spec({"spec": 1, "base": {"file": str(tmp_path / "model.keras")}}).model
    assert_same_bits(outputs_of(again, data), outputs_of(base, data))
    return model


def test_inputs_and_outputs_by_name(tmp_path: Path) -> None:
    inputs = {"left": keras.Input((3,), name="left"), "right": keras.Input((3,), name="right")}
    total = keras.layers.Add(name="sum")([inputs["left"], inputs["right"]])
    outputs = {"wide": keras.layers.Dense(4, name="wide")(total), "plain": total}
    data = {"left": np.ones((2, 3), "float32"), "right": np.full((2, 3), 2, "float32")}
    model = roundtrip(randomized(keras.Model(inputs, outputs)), data, tmp_path)
    assert set(model.input) == {"left", "right"}
    assert set(model.output) == {"wide", "plain"}


def test_an_optional_input(tmp_path: Path) -> None:
    @keras.saving.register_keras_serializable("tests")
    class Either(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any, y: Any = None) -> Any:
            return x if y is None else x + y

    first, second = keras.Input((2,), name="first"), keras.Input((2,), name="second", optional=True)
    base = keras.Model([first, second], Either(name="either")(first, second))
    model = compile_spec({"spec": 1}, base=base).model
    data = np.ones((1, 2), "float32")
    assert_same_bits(outputs_of(model, [data, None]), outputs_of(base, [data, None]))
    assert_same_bits(outputs_of(model, [data, data]), outputs_of(base, [data, data]))


def test_mixed_precision(tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, dtype="mixed_float16", name="half")(inputs)
    x = keras.layers.BatchNormalization(dtype="mixed_float16", name="norm")(x)
    base = randomized(keras.Model(inputs, keras.layers.Dense(2, dtype="float32", name="top")(x)))
    data = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    model = roundtrip(base, data, tmp_path)
    assert model.get_layer("half").compute_dtype == "float16"
    assert model.get_layer("half").kernel.dtype == "float32"


def test_masks_states_and_operations_of_a_recurrent_net(tmp_path: Path) -> None:
    tokens = keras.Input((7,), dtype="int32", name="tokens")
    x = keras.layers.Embedding(9, 4, mask_zero=True, name="embed")(tokens)
    x, state, _ = keras.layers.LSTM(4, return_sequences=True, return_state=True, name="lstm")(x)
    x = keras.layers.GRU(4, name="gru")(x, initial_state=state)
    base = randomized(keras.Model(tokens, keras.ops.tanh(x) * 2.0))
    roundtrip(base, np.array([[1, 2, 3, 0, 0, 0, 0], [4, 5, 6, 7, 8, 1, 2]]), tmp_path)


def test_a_custom_layer_as_base_and_as_entry(tmp_path: Path) -> None:
    @keras.saving.register_keras_serializable("tests")
    class Gate(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, power: float = 1.0, **options: Any) -> None:
            super().__init__(**options)
            self.power = power

        def build(self, shape: Any) -> None:
            self.gate = self.add_weight(shape=(shape[-1],), name="gate")

        def call(self, x: Any) -> Any:
            return x * self.gate**self.power

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "power": self.power}

    inputs = keras.Input((3,))
    base = randomized(keras.Model(inputs, Gate(2.0, name="gate")(inputs)))
    model = roundtrip(base, np.ones((1, 3), "float32"), tmp_path)
    assert model.get_layer("gate").power == 2.0
    edited = compile_spec({"spec": 1, "head": [{"tests>Gate": {"power": 3.0, "name": "more"}}]}, base=base).model
    assert edited.get_layer("more").power == 3.0


def test_a_subclassed_model_is_refused_with_the_way_out() -> None:
    class Own(keras.Model):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(SpecError) as caught:
        plan_spec({"spec": 1}, base=Own(name="own"))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SC304"
    assert "subclassed" in diagnostic.message
    assert "functional API" in (diagnostic.help or "")


def test_a_model_that_does_not_know_its_input_is_refused() -> None:
    with pytest.raises(SpecError) as caught:
        plan_spec({"spec": 1}, base=keras.Sequential([keras.layers.Dense(2)]))
    assert caught.value.diagnostics[0].code == "SC304"
    assert "keras.Input" in (caught.value.diagnostics[0].help or "")


def test_the_result_of_another_spec_is_a_base(tmp_path: Path) -> None:
    branching().save(tmp_path / "base.keras")
    (tmp_path / "first.yaml").write_text("spec: 1\nbase: {file: base.keras}\ncut_at: block1_add\n")
    (tmp_path / "second.yaml").write_text("spec: 1\nbase: {spec: first.yaml}\nhead:\n  - GlobalAveragePooling2D\n")
    result = compile_spec(tmp_path / "second.yaml")
    direct = compile_spec({"spec": 1, "cut_at": "block1_add", "head": ["GlobalAveragePooling2D"]}, base=branching())
    assert_same_bits(result.model.get_weights(), direct.model.get_weights())
    (tmp_path / "first.yaml").write_text("spec: 1\nbase: {spec: second.yaml}\n")
    with pytest.raises(SpecError, match="each other's base"):
        plan_spec(tmp_path / "second.yaml")


def test_variables_change_from_outside() -> None:
    text = 'spec: 1\nvars: {classes: 3, last: block1_add}\ncut_at: ${last}\nhead:\n  - Dense: {units: "${classes}"}\n'
    plan = plan_spec(text, base=branching(), overrides=["vars.classes=7", "vars.last=stem"])
    assert next(plan.after.spec_of(ref) for ref in plan.after.output_refs).shape == (None, 16, 16, 7)  # type: ignore[union-attr]
    with pytest.raises(SpecError) as caught:
        plan_spec(text.replace("${last}", "${lost}"), base=branching())
    assert (caught.value.diagnostics[0].code, caught.value.diagnostics[0].line) == ("SC110", 3)
    assert caught.value.diagnostics[0].help == "did you mean `last`?"


def test_a_layer_of_which_keras_cannot_make_a_skeleton_is_built_with_weights() -> None:
    @keras.saving.register_keras_serializable("tests")
    class Table(keras.layers.Layer):  # type: ignore[misc]
        def build(self, shape: Any) -> None:
            self.table = keras.Variable(np.arange(3, dtype="float32"), name="table")

        def call(self, x: Any) -> Any:
            return x + self.table

    inputs = keras.Input((3,))
    base = keras.Model(inputs, Table(name="table")(inputs))
    base.get_layer("table").table.assign([4.0, 5.0, 6.0])
    model = compile_spec({"spec": 1, "head": [{"Dense": 2}]}, base=base).model
    assert_same_bits(keras.ops.convert_to_numpy(model.get_layer("table").table), np.array([4, 5, 6], "float32"))
