"""Weights in several files, as Keras's `save_weights(max_shard_size=…)` writes them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, build_spec, check_spec, compile_spec, lock_spec
from tests.backend.conftest import branching, randomized

INDEX = "many.weights.json"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model, and other weights for it in files of at most 3 KB."""
    monkeypatch.chdir(tmp_path)
    branching().save("model.keras")
    randomized(branching(), 11).save_weights(INDEX, max_shard_size=2.5e-6)
    assert len(list(tmp_path.glob("many_*.weights.h5"))) > 2
    return tmp_path


SPEC: dict[str, Any] = {"spec": 1, "base": {"file": "model.keras", "weights": INDEX}, "cut_at": "pool"}


def loaded() -> Any:
    model = branching()
    model.load_weights(INDEX)
    return keras.Model(model.input, model.get_layer("pool").output)


def test_they_are_read_as_keras_reads_them(here: Path) -> None:
    compiled = compile_spec(SPEC)
    assert {str(row.source).partition(":")[0] for row in compiled.weights.of("copied")} == {INDEX}
    build_spec(SPEC, "built.keras")
    for model in (compiled.model, keras.models.load_model("built.keras")):
        for one, other in zip(loaded().weights, model.weights, strict=True):
            np.testing.assert_array_equal(one, other)
    proven = compile_spec(SPEC, prove=True).weights.proof
    assert proven is not None


def test_a_lock_has_each_of_them(here: Path) -> None:
    files = lock_spec(SPEC).files
    shards = {path.name for path in here.glob("many_*.weights.h5")}
    assert files.keys() == {"model.keras", INDEX, *shards}


def changed(index: dict[str, Any], name: Any) -> dict[str, Any]:
    return {**index, "weight_map": {**index["weight_map"], "/more": name}}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("gone.weights.h5", "SC501"),
        ("../other/many.weights.h5", "SC514"),
        ("/etc/many.h5", "SC514"),
        ("..", "SC514"),
        ("many.exe", "SC514"),
        (3, "SC502"),
    ],
)
def test_an_index_leads_nowhere_else(name: Any, code: str, here: Path) -> None:
    index = json.loads(Path(INDEX).read_text())
    Path(INDEX).write_text(json.dumps(changed(index, name)))
    with pytest.raises(SpecError) as caught:
        compile_spec(SPEC)
    (told,) = caught.value.diagnostics
    assert (told.code, told.path) == (code, ("base", "weights"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weight_map": {}}', '{"weight_map": []}'])
def test_what_is_no_index_is_told(text: str, here: Path) -> None:
    Path(INDEX).write_text(text)
    with pytest.raises(SpecError, match="SC502"):
        compile_spec(SPEC)


def test_a_link_out_of_the_folder_is_seen(here: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "x.weights.h5"
    shard = min(here.glob("many_*.weights.h5"))
    shard.rename(outside)
    os.symlink(outside, shard)
    Path("spec.yaml").write_text(json.dumps(SPEC))
    assert check_spec("spec.yaml") == ()
    (told, *_) = check_spec("spec.yaml", restrict_paths=True)
    assert told.code == "SC510"


def test_a_file_that_is_damaged_or_another_is_told(here: Path) -> None:
    shards = sorted(here.glob("many_*.weights.h5"))
    kept = shards[1].read_bytes()
    shards[1].write_bytes(kept[: len(kept) // 2])
    with pytest.raises(SpecError, match="SC502"):
        compile_spec(SPEC)
    shards[1].write_bytes(shards[0].read_bytes())
    with pytest.raises(SpecError, match=r"SC514|SC503"):
        compile_spec(SPEC)
