"""`prove`: base and result side by side. What it proves, that it leaves both as they were, and that it finds a lie."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, compile_spec
from tests.backend import sessions
from tests.backend.conftest import randomized
from tests.backend.pictures import write_pictures

L = keras.layers


def proven(spec: dict[str, Any], base: Any = None, **options: Any) -> Any:
    proof = compile_spec({"spec": 1, **spec}, base=base, prove=True, **options).weights.proof
    assert proof is not None
    return proof


def test_every_kept_layer_is_compared(branching_model: Any) -> None:
    proof = proven({"replace": [{"layers": "block1_relu", "with": ["ELU"]}]}, branching_model)
    assert proof.layers == len(branching_model.layers) - 2  # less the input and the one replaced
    assert proof.tensors == 2  # `stem`, which the second addend of the block takes, and `block1_bn`
    assert proof.inexact == ()


def test_several_edits_and_operations() -> None:
    model = randomized(keras.applications.MobileNetV3Small(weights=None, include_top=False, input_shape=(64, 64, 3)))
    proof = proven({"insert": [{"before": "conv_1", "with": [{"Dropout": 0.2}]}], "freeze": "..conv"}, model)
    assert proof.layers == 174  # plain operations such as `x + 3` among them
    assert proof.tensors >= 1


def test_an_input_by_another_name_and_of_another_size() -> None:
    model = randomized(keras.applications.VGG16(weights=None, include_top=False, input_shape=(64, 64, 3)))
    assert proven({"input": {"shape": [96, 96, 3]}}, model).layers == 18
    assert proven({"input": {"shape": [96, 96, 3]}}, model).tensors == 0


def test_the_base_without_weights_proves_nothing() -> None:
    base = {"application": "MobileNetV2", "weights": None, "include_top": False, "input_shape": [32, 32, 3]}
    proof = proven({"base": base})
    assert (proof.layers, proof.tensors) == (0, 0)
    assert "without weights" in proof.text


def test_what_calls_change_is_put_back() -> None:
    inputs = keras.Input(batch_shape=(2, 3, 4))
    x = L.LSTM(5, stateful=True, return_sequences=True, name="lstm")(inputs)
    x = L.Dropout(0.5, name="noise")(x, training=True)
    x = L.BatchNormalization(name="bn")(x, training=True)
    model = randomized(keras.Model(inputs, x))
    before = [np.array(each) for each in (*model.variables, *model.get_layer("lstm").states)]
    compiled = compile_spec({"spec": 1}, base=model, prove=True)
    for one in (model, compiled.model):
        after = [np.array(each) for each in (*one.variables, *one.get_layer("lstm").states)]
        for was, now in zip(before, after, strict=True):
            np.testing.assert_array_equal(was, now)


@keras.saving.register_keras_serializable("test_proof")
class Scale(keras.layers.Layer):  # type: ignore[misc]
    """A layer whose config does not say what it does; no number or array of it would show that either."""

    rescaled: Callable[[Any], Any] = staticmethod(lambda inputs: inputs)

    def call(self, inputs: Any) -> Any:
        return self.rescaled(inputs)


def test_a_layer_that_its_config_does_not_describe_is_found() -> None:
    inputs, scale = keras.Input((4,)), Scale(name="scale")
    scale.rescaled = lambda inputs: 3 * inputs
    model = keras.Model(inputs, L.Dense(2)(scale(inputs)))
    with pytest.raises(SpecError, match=r"SC513.*`scale`"):
        proven({}, model)


def test_images_in_place_of_seeded_inputs(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", names=("cat",), each=3, size=40)
    model = randomized(keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3)))
    model.save(tmp_path / "base.keras")
    (tmp_path / "spec.yaml").write_text("spec: 1\nbase: {file: base.keras}\ncut_at: block_1_project_BN\n")
    said = sessions.run(["spec-compiler build spec.yaml -o out.keras --probe pictures"], tmp_path)
    assert "Proven on 3 images of pictures" in said.output
    ledger = json.loads((tmp_path / "out.ledger.json").read_text())
    assert ledger["proof"]["reference"] == "base.keras as Keras loads it"
    assert ledger["proof"]["tensors"] == 1


class Plus(keras.Sequential):  # type: ignore[misc]
    """A Sequential model that does more than its layers."""

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        return super().call(inputs) + 1


def test_a_subclassed_sequential_model_is_no_graph() -> None:
    model = Plus([keras.Input((4,)), L.Dense(2)])
    with pytest.raises(SpecError, match="SC304"):
        compile_spec({"spec": 1}, base=model)
    inputs, x = keras.Input((4,)), np.ones((2, 4), "float32")
    around = keras.Model(inputs, model(inputs))
    result = compile_spec({"spec": 1, "head": ["ReLU"]}, base=around, prove=True).model
    np.testing.assert_array_equal(result(x), keras.ops.relu(around(x)))


def test_generators_that_no_file_holds_fail_no_proof(tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 3))
    x = L.Dropout(0.5)(L.RandomFlip()(inputs), training=True)
    keras.Model(inputs, x).save(tmp_path / "base.keras")
    assert proven({"base": {"file": str(tmp_path / "base.keras")}}).layers == 2


def test_nothing_kept_is_nothing_proven() -> None:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, L.BatchNormalization(name="bn")(inputs))
    assert "no layer is kept" in proven({"set": [{"layers": "bn", "to": {"momentum": 0.5}}]}, model).text
