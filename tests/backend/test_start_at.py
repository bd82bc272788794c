"""`start_at` is `keras.Model(layer.input, model.output)`, of layers that nothing before shares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import check_spec, compile_spec
from tests.backend.conftest import assert_same_bits, branching, outputs_of, randomized
from tests.memory import assert_planned_without_keras


def numbers(model: Any) -> Any:
    random = np.random.default_rng(4)
    found = [random.normal(size=(2, *tensor.shape[1:])).astype("float32") for tensor in model.inputs]
    return found[0] if len(found) == 1 else found


@pytest.mark.parametrize(
    ("spec", "end"),
    [
        ({"start_at": "block1_conv1"}, "predictions"),
        ({"start_at": "block2_conv1", "cut_at": "block2_add", "input": {"name": "features"}}, "block2_add"),
        ({"start_at": "block1_relu", "cut_at": "block1_conv2"}, "block1_conv2"),
        ({"start_at": "block2_conv1", "rename": {"block2_conv1": "first"}, "freeze": "first"}, "predictions"),
    ],
    ids=str,
)
def test_it_is_the_part_by_hand(spec: dict[str, Any], end: str, tmp_path: Path) -> None:
    model = branching()
    wanted = keras.Model(model.get_layer(spec["start_at"]).input, model.get_layer(end).output)
    compiled = compile_spec({"spec": 1, **spec}, base=model, prove=True)
    compiled.model.save(tmp_path / "part.keras")
    data = numbers(wanted)
    for found in (compiled.model, keras.models.load_model(tmp_path / "part.keras")):
        assert found.input_shape == wanted.input_shape
        assert_same_bits(outputs_of(found, data), outputs_of(wanted, data))
    assert {row.action for row in compiled.weights.rows if row.result_checksum} == {"copied"}
    assert compiled.weights.proof is not None


def test_one_of_two_inputs_of_a_mapping() -> None:
    """The second call of a shared layer; by hand its later layers are called on an input in place of the first."""
    image, table = keras.Input((8,), name="image"), keras.Input((4,), name="table")
    shared = keras.layers.Dense(2, name="shared")
    first = keras.layers.Dense(2, name="first")
    joined, top = keras.layers.Concatenate(name="joined"), keras.layers.Dense(2, name="top")
    ends = top(joined([shared(shared(first(image))), table]))
    model = randomized(keras.Model({"image": image, "table": table}, ends))
    between = keras.Input((2,), name="between")
    wanted = keras.Model([between, table], top(joined([shared(between), table])))
    edits = {"start_at": "shared@1", "input": {"layer": "shared_input", "name": "between"}}
    compiled = compile_spec({"spec": 1, **edits}, base=model)
    assert list(compiled.model.input) == ["between", "table"]
    data = numbers(wanted)
    assert_same_bits(
        outputs_of(compiled.model, dict(zip(("between", "table"), data, strict=True))), outputs_of(wanted, data)
    )


def test_an_output_from_before_is_told() -> None:
    model = branching()
    ends = [model.get_layer(name).output for name in ("stem", "predictions")]
    (error,) = check_spec({"spec": 1, "start_at": "block2_conv1"}, base=keras.Model(model.input, ends))
    assert error.code == "SC302"
    assert error.message == "the model's output `stem` no longer has an input: it comes from before `start_at`"


def test_what_the_layer_takes_says_the_dtype() -> None:
    text = keras.Input((5,), dtype="int32", name="words")
    words = keras.layers.Reshape((5,), name="shape")(text)
    model = randomized(keras.Model(text, keras.layers.Embedding(7, 3, name="embedding")(words)))
    compiled = compile_spec({"spec": 1, "start_at": "embedding"}, base=model)
    assert compiled.model.inputs[0].dtype == "int32"


@pytest.mark.parametrize("rest", ["", "input: {shape: [null, null, 8], name: features}", "cut_at: block2_conv2"])
def test_without_keras_it_is_the_same_plan(rest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(tmp_path / "cache"))
    branching().save(tmp_path / "model.keras")
    path = tmp_path / "spec.yaml"
    path.write_text(f"spec: 1\nbase: {{file: model.keras}}\nstart_at: block2_conv1\n{rest}\n")
    assert_planned_without_keras(path)
