"""Forms of models that people have published, each made small: the right function, or a word that helps."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, check_spec, compile_spec
from tests.backend.conftest import assert_same_bits, outputs_of, randomized

NUMBERS = np.random.default_rng(2).normal(size=(3, 4)).astype("float32")


@keras.saving.register_keras_serializable(package="published")
class FillsIn(keras.Model):  # type: ignore[misc]
    """As KerasHub's Qwen3.5: a Functional model whose class does something before the graph runs."""

    def __init__(self, **kwargs: Any) -> None:
        inputs = {name: keras.Input((4,), name=name) for name in ("words", "picture")}
        x = keras.layers.Add(name="both")(list(inputs.values()))
        super().__init__(inputs, keras.layers.Dense(3, name="last")(x), **kwargs)

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return super().__call__({"picture": keras.ops.zeros_like(inputs["words"]), **inputs}, *args, **kwargs)


def test_a_model_that_does_more_than_its_graph_says_so_and_how_to_pass_the_graph_alone() -> None:
    model = randomized(FillsIn(name="fills_in"))
    (found,) = check_spec("spec: 1\n", base=model)
    assert (found.code, found.line) == ("SC304", 1)
    assert found.message == "`fills_in` has a `__call__` of its own, which may do more than the graph that Keras knows"
    assert "keras.Model(model.input, model.output)" in (found.help or "")
    graph = keras.Model(model.input, model.output)
    inputs = {"words": NUMBERS, "picture": 2 * NUMBERS}
    compiled = compile_spec({"spec": 1}, base=graph, prove=True)
    assert_same_bits(outputs_of(compiled.model, inputs), outputs_of(model, inputs))


def with_config(path: Path, change: Any) -> None:
    """Rewrites the config of a `.keras` archive in place."""
    before = path.with_suffix(".before")
    shutil.move(path, before)
    with zipfile.ZipFile(before) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                config = json.loads(data)
                change(config)
                data = json.dumps(config).encode()
            new.writestr(name, data)


def test_a_file_that_keras_itself_cannot_load_is_refused_with_a_way_out(tmp_path: Path) -> None:
    """As one package's trained file: a nested model that its Keras saved with two outputs, of which one is used."""

    def twice(config: Any) -> None:
        call = config["config"]["layers"][-1]["inbound_nodes"][0]
        call["args"] = [[call["args"][0], call["args"][0]]]

    path = tmp_path / "published.keras"
    inputs = keras.Input((4,))
    keras.Model(inputs, keras.layers.Dense(3, name="dense")(inputs)).save(path)
    with_config(path, twice)
    with pytest.raises(ValueError, match="expects 1 input"):
        keras.models.load_model(path)
    (tmp_path / "spec.yaml").write_text("spec: 1\nbase: {file: published.keras}\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        compile_spec(tmp_path / "spec.yaml")
    (found,) = caught.value.diagnostics
    assert (found.code, found.line, found.column) == ("SC502", 2, 14)
    assert "expects 1 input" in found.message
    assert "load its weights from this file" in (found.help or "")


@keras.saving.register_keras_serializable(package="published")
class TidiesUp(keras.layers.Layer):  # type: ignore[misc]
    """As KerasHub's DINOV2: what it saves it first computes from another variable, and assigns."""

    def build(self, shape: Any) -> None:
        self.said = self.add_weight(shape=(shape[-1],), name="said")
        self.used = self.add_weight(shape=(shape[-1],), name="used", trainable=False)

    def call(self, x: Any) -> Any:
        return x * self.used

    def save_own_variables(self, store: Any) -> None:
        self.said.assign(self.used / 2)
        super().save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        super().load_own_variables(store)
        self.used.assign(self.said * 2)


@pytest.mark.parametrize("prove", [False, True])
def test_a_class_that_assigns_while_it_saves_leaves_base_and_result_as_the_base_was(prove: bool) -> None:
    inputs = keras.Input((4,))
    x = TidiesUp(name="tidies")(keras.layers.Dense(4, name="first")(inputs))
    model = randomized(keras.Model(inputs, keras.layers.Dense(3, name="last")(x)))
    before = [keras.ops.convert_to_numpy(each).copy() for each in model.variables]
    compiled = compile_spec({"spec": 1}, base=model, prove=prove)
    assert_same_bits([keras.ops.convert_to_numpy(each) for each in model.variables], before)
    assert_same_bits([keras.ops.convert_to_numpy(each) for each in compiled.model.variables], before)
    for row in compiled.weights.of("copied"):
        assert row.source_checksum == row.result_checksum
