"""`TimeDistributed: {layer: enc}`: a new layer around a kept one is that of Keras, with the kept one's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, check_spec, compile_spec
from tests.backend.conftest import assert_same_bits, branching, outputs_of, randomized

CLIP = np.random.default_rng(6).normal(size=(2, 3, 16, 16, 3)).astype("float32")
ENCODED: dict[str, Any] = {
    "spec": 1,
    "base": {"file": "model.keras", "as": "layer"},
    "inputs": {"clip": {"shape": [3, 16, 16, 3]}},
    "head": [
        {"TimeDistributed": {"layer": "branching", "name": "frames"}, "from": "clip"},
        {"LSTM": {"units": 4, "name": "lstm"}},
    ],
}


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    model = branching()
    model.get_layer("block1_bn").trainable = False
    model.save("model.keras")
    return model


@pytest.mark.parametrize("freeze", [None, "branching", "base", "frames"])
def test_a_base_over_time(model: Any, freeze: str | None) -> None:
    spec = ENCODED if freeze is None else {**ENCODED, "freeze": freeze}
    compiled = compile_spec(spec, prove=True)
    clip, lstm = keras.Input((3, 16, 16, 3)), keras.layers.LSTM(4)
    wanted = keras.Model(clip, lstm(keras.layers.TimeDistributed(model)(clip)))
    lstm.set_weights(compiled.model.get_layer("lstm").get_weights())
    compiled.model.save("result.keras")
    for found in (compiled.model, keras.models.load_model("result.keras")):
        assert_same_bits(outputs_of(found, CLIP), outputs_of(wanted, CLIP))
        assert found.count_params() == wanted.count_params() == compiled.plan.after.num_parameters
    inner = compiled.model.get_layer("frames").layer
    if freeze is None:
        assert [layer.name for layer in inner.layers if not layer.trainable] == ["block1_bn"]
        assert {id(each) for each in inner.trainable_variables} <= {id(each) for each in compiled.model.variables}
        assert len(compiled.model.trainable_variables) == len(model.trainable_variables) + 3
    else:
        assert compiled.model.trainable_variables == compiled.model.get_layer("lstm").trainable_variables
    rows = {(row.layer, row.action) for row in compiled.weights.rows if row.parameters}
    assert rows == {("frames", "copied"), ("lstm", "initialized")}
    copied = [row for row in compiled.weights.of("copied") if row.parameters]
    assert all(row.source and row.source_checksum == row.result_checksum and not row.is_new for row in copied)
    assert len(copied) == len(model.weights)
    assert [change.name for change in compiled.plan.changes if change.action == "dropped"] == ["image"]
    assert "branching inside, its weights stay" in compiled.diagram("diff")
    assert compiled.plan.action_of("branching", "before") == "kept"


def recurrent() -> Any:
    words = keras.Input((5, 3), name="words")
    x = keras.layers.LSTM(4, return_sequences=True, name="first")(words)
    return randomized(keras.Model(words, keras.layers.Dense(2, name="top")(x), name="recurrent"))


def test_both_directions_of_a_layer_that_is_replaced(tmp_path: Path) -> None:
    model = recurrent()
    edit = {"layers": "first", "with": [{"Bidirectional": {"layer": "first", "merge_mode": "sum", "name": "both"}}]}
    compiled = compile_spec({"spec": 1, "replace": [edit]}, base=model, prove=True)
    both = compiled.model.get_layer("both")
    assert_same_bits(both.forward_layer.get_weights(), model.get_layer("first").get_weights())
    actions = [row.action for row in compiled.weights.rows if row.layer == "both" and row.parameters]
    assert actions == ["copied"] * 3 + ["initialized"] * 3
    words = keras.Input((5, 3))
    wanted_both = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True), merge_mode="sum")
    wanted = keras.Model(words, model.get_layer("top")(wanted_both(words)))
    wanted_both.set_weights(both.get_weights())
    numbers = np.random.default_rng(2).normal(size=(2, 5, 3)).astype("float32")
    compiled.model.save(tmp_path / "result.keras")
    for found in (compiled.model, keras.models.load_model(tmp_path / "result.keras")):
        assert_same_bits(outputs_of(found, numbers), outputs_of(wanted, numbers))


def test_a_layer_with_variables_of_the_wrapper(tmp_path: Path) -> None:
    """`SpectralNormalization` has a vector of its own, which comes first."""
    model = recurrent()
    edit = {"layers": "top", "with": [{"SpectralNormalization": {"layer": "top"}}]}
    compiled = compile_spec({"spec": 1, "replace": [edit]}, base=model)
    made = compiled.model.get_layer("spectral_normalization")
    assert_same_bits(made.layer.get_weights(), model.get_layer("top").get_weights())
    actions = {row.variable: row.action for row in compiled.weights.rows if row.layer == made.name}
    assert sorted(actions.values()) == ["copied", "copied", "initialized"]


@pytest.mark.parametrize(
    ("head", "code", "said"),
    [
        ([{"TimeDistributed": {"layer": "branchin"}, "from": "clip"}], "SC201", "did you mean `branching`?"),
        ([{"TimeDistributed": {"layer": "Densee"}, "from": "clip"}], "SC202", "did you mean `Dense`?"),
        (
            [
                {"TimeDistributed": {"layer": "branching", "name": "t"}, "from": "clip"},
                {"Dot": 1, "from": ["branching", "t"]},
            ],
            "SC303",
            "let that take `t`, or take a second base for one of the two",
        ),
        ([{"TimeDistributed": {"layer": "image"}, "from": "clip"}], "SC303", None),
        ([{"TimeDistributed": {"layer": "branching"}}, {"Flatten": {}, "from": "clip"}], "SC303", None),
    ],
    ids=["name", "class", "called too", "input", "itself"],
)
def test_what_cannot_be_wrapped(head: Any, code: str, said: str | None, model: Any) -> None:
    found = check_spec({**ENCODED, "head": head})
    assert [each.code for each in found] == [code]
    assert found[0].path[:2] == ("head", 0)
    assert said is None or found[0].help == said


def test_on_another_size_it_is_told(model: Any) -> None:
    head = [{"TimeDistributed": {"layer": "branching"}, "from": "clip"}]
    with pytest.raises(SpecError) as error:
        compile_spec({**ENCODED, "inputs": {"clip": {"shape": [3, 8, 8, 3]}}, "head": head})
    assert error.value.diagnostics[0].code == "SC401"
    edit = {"layers": "first", "with": [{"Bidirectional": {"layer": "first"}}]}
    edits = {"input": {"shape": [5, 4]}, "replace": [edit], "cut_at": "first"}
    (found,) = check_spec({"spec": 1, **edits}, base=recurrent())
    assert found.code == "SC402"
    assert found.message.startswith("the kept layer `first` does not fit into `bidirectional`")


def test_a_policy_reaches_what_is_wrapped(model: Any) -> None:
    compiled = compile_spec({**ENCODED, "dtype": "mixed_float16"})
    inner = compiled.model.get_layer("frames").layer
    assert {layer.compute_dtype for layer in inner.layers if layer.weights} == {"float16"}
    assert compiled.model.output.dtype == "float32"
