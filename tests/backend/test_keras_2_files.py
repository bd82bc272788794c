"""Legacy HDF5 as Keras 2 wrote it: the same function, or a refusal; made by rewriting what Keras 3 writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from spec_compiler import SpecError, compile_spec
from tests.backend.conftest import outputs_of, randomized

L = keras.layers


def saved(model: Any, path: Path, change: Callable[[Any], None]) -> dict[str, Any]:
    """The model in legacy HDF5 with a changed config, as a spec."""
    model.save(path)
    with h5py.File(path, "r+") as store:
        config = json.loads(store.attrs["model_config"])
        change(config)
        store.attrs["model_config"] = json.dumps(config)
        store.attrs["keras_version"] = "2.2.4"
    return {"spec": 1, "base": {"file": str(path)}}


def without_input_layer(config: Any) -> None:
    first, second, *_ = config["config"]["layers"]
    shape = first["config"].get("batch_input_shape") or first["config"]["batch_shape"]
    config["config"]["layers"].pop(0)
    second["config"]["batch_input_shape"] = shape


def as_a_list(config: Any) -> None:
    without_input_layer(config)
    config["config"] = config["config"]["layers"]


def wrapped_without_module(config: Any) -> None:
    for layer in config["config"]["layers"]:
        inner = layer["config"].get("layer")
        if inner is not None:
            for key in ("module", "registered_name", "build_config"):
                inner.pop(key, None)
            inner["config"]["time_major"] = False


def numbers(*shape: int) -> Any:
    return np.random.default_rng(5).normal(size=shape).astype("float32")


@pytest.mark.parametrize("change", [without_input_layer, as_a_list])
def test_finding_F10_a_sequential_model_without_an_input_layer(change: Any, tmp_path: Path) -> None:
    model = randomized(keras.Sequential([keras.Input((7,)), L.Dense(5, activation="relu"), L.Dense(2)]))
    compiled = compile_spec(saved(model, tmp_path / "base.h5", change), prove=True)
    assert compiled.model.input_shape == (None, 7)
    np.testing.assert_array_equal(outputs_of(compiled.model, numbers(3, 7)), outputs_of(model, numbers(3, 7)))


def test_finding_F10_a_wrapped_layer_without_its_module(tmp_path: Path) -> None:
    inputs = keras.Input((6, 4))
    model = randomized(keras.Model(inputs, L.Bidirectional(L.LSTM(3), name="both")(inputs)))
    compiled = compile_spec(saved(model, tmp_path / "base.h5", wrapped_without_module), prove=True)
    np.testing.assert_array_equal(outputs_of(compiled.model, numbers(2, 6, 4)), outputs_of(model, numbers(2, 6, 4)))


def test_finding_F10_a_function_that_is_another_one_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((6, 4))
    model = keras.Model(inputs, L.LSTM(3, recurrent_activation="hard_sigmoid", name="lstm")(inputs))
    with pytest.raises(SpecError, match="another function in Keras 3") as caught:
        compile_spec(saved(model, tmp_path / "base.h5", lambda config: None))
    assert caught.value.diagnostics[0].code == "SC502"
