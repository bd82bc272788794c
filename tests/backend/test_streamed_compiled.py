"""Models that a spec compiles, written piece by piece: what Keras saves of one that is in memory, and loads."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import spec_compiler.building.model_file as model_file
from spec_compiler import SpecError, build_spec, compile_spec
from tests.backend.conftest import branching
from tests.backend.test_streamed import arrays_in, assert_same_archives, spec_of

HEAD = ["GlobalAveragePooling2D", {"Dense": {"units": 4, "name": "answer"}}]
# Keras saves an optimizer before its first step without what it has for each weight, and says so when it loads it.
pytestmark = pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
SECTIONS: dict[str, dict[str, Any]] = {
    "by name": {"compile": {"optimizer": "adam", "loss": "mse"}},
    "a schedule, metrics with a state": {
        "compile": {
            "optimizer": {"SGD": {"learning_rate": {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 9}}}},
            "loss": {"CategoricalCrossentropy": {"from_logits": True}},
            "metrics": ["accuracy", {"AUC": {"num_thresholds": 20}}],
        }
    },
    "a scaled loss": {"dtype": "mixed_float16", "compile": {"optimizer": {"Adam": {"epsilon": 0.5}}, "loss": "mse"}},
    "rates of layers": {
        "compile": {"optimizer": "adamw", "loss": "mse", "learning_rates": [{"layers": "answer", "times": 3}]}
    },
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def streamed_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def filled(*_: Any, **__: Any) -> Any:
        raise AssertionError("made in memory")

    monkeypatch.setattr(model_file, "filled", filled)


def config_in(file: str) -> Any:
    return json.loads(zipfile.ZipFile(file).read("config.json"))["compile_config"]


def groups_in(file: str) -> dict[str, dict[str, Any]]:
    """What is written of each group of the optimizer."""
    found: dict[str, dict[str, Any]] = {}
    with h5py.File(io.BytesIO(zipfile.ZipFile(file).read("model.weights.h5"))) as store:
        store["optimizer"].visititems(
            lambda name, item: found.update({name: dict(item.attrs)}) if isinstance(item, h5py.Group) else None
        )
    return found


@pytest.mark.parametrize("name", SECTIONS)
def test_the_file_is_the_one_that_keras_writes(name: str, here: Path, streamed_only: None) -> None:
    spec = spec_of(branching(), {"cut_at": "block2_add", "head": HEAD, **SECTIONS[name]})
    wanted = compile_spec(spec).model
    wanted.save("wanted.keras")
    build_spec(spec, "built.keras")  # the second optimizer that Keras counts in this process
    assert_same_archives("wanted.keras", "built.keras")
    assert config_in("built.keras") == config_in("wanted.keras")
    assert groups_in("built.keras") == groups_in("wanted.keras")
    assert sorted(each.name for each in here.iterdir()) == [
        *("base.keras", "built.keras", "built.ledger.json", "wanted.keras")
    ]
    pixels, answers = np.random.default_rng(3).normal(size=(4, 16, 16, 3)), np.eye(4, dtype="float32")
    loaded = [keras.models.load_model(file) for file in ("wanted.keras", "built.keras")]
    losses = [each.train_on_batch(pixels.astype("float32"), answers) for each in loaded]
    assert losses[0] == losses[1]
    assert loaded[0].optimizer.get_config() == loaded[1].optimizer.get_config()
    for one, other in zip(*(each.weights for each in loaded), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(loaded[1].get_layer("answer").kernel, wanted.get_layer("answer").kernel)


@pytest.mark.parametrize("output", ["alone.weights.h5", "many.weights.json"])
def test_weights_alone(output: str, here: Path, streamed_only: None) -> None:
    spec = spec_of(branching(), {"cut_at": "block2_add", "head": HEAD, **SECTIONS["by name"]})
    model, size = compile_spec(spec).model, None if output.endswith("h5") else 5_000 / (1 << 30)
    (here / "wanted").mkdir()
    model.save_weights(f"wanted/{output}", max_shard_size=size)
    build_spec(spec, output, max_shard_size=size)
    if size:
        indices = [json.loads(Path(at, output).read_text()) for at in ("wanted", ".")]
        assert indices[0] == indices[1]
        assert len({str(each) for each in indices[0]["weight_map"].values()}) > 1
    for file in (each.name for each in (here / "wanted").glob("*.h5")):
        one, other = (arrays_in(Path(at, file).read_bytes()) for at in ("wanted", "."))
        assert one.keys() == other.keys()
        assert all(array.tobytes() == other[path].tobytes() for path, array in one.items())
    again = compile_spec(spec | {"seed": 9}).model
    again.load_weights(output)
    for one, other in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_mistake_in_it_is_told_at_its_place(here: Path) -> None:
    spec = spec_of(branching(), {"head": HEAD, "compile": {"optimizer": {"Adam": {"rate": 1}}, "loss": "mse"}})
    with pytest.raises(SpecError) as caught:
        build_spec(spec, "built.keras")
    assert [(each.code, each.path) for each in caught.value.diagnostics] == [
        ("SC106", ("compile", "optimizer", "Adam", "rate"))
    ]
    assert sorted(each.name for each in here.iterdir()) == ["base.keras"]
