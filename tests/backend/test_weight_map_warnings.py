"""A weight map that leaves a kept layer out: `check` and `build` say the same, at the map."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras

from spec_compiler import Diagnostic, check_spec, compile_spec
from tests.backend.conftest import randomized


def two(name: str = "net") -> Any:
    return randomized(
        keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(3, name="a"), keras.layers.Dense(2, name="b")], name=name
        )
    )


def written(folder: Path, name: str, model: Any, leaves_out: str) -> dict[str, Any]:
    """A base of the model whose weights come from a file through a map."""
    model.save(folder / f"{name}.keras")
    model.save_weights(folder / f"{name}.weights.h5")
    groups = {"a": "layers/dense", "b": "layers/dense_1"}
    mapping = {layer: group for layer, group in groups.items() if layer != leaves_out}
    weights = {"file": str(folder / f"{name}.weights.h5"), "map": mapping}
    return {"file": str(folder / f"{name}.keras"), "weights": weights}


def found(spec: Any) -> tuple[list[Diagnostic], list[Diagnostic]]:
    checked = [each for each in check_spec(spec) if each.code == "SC507"]
    return checked, [each for each in compile_spec(spec).warnings if each.code == "SC507"]


def test_finding_W26_check_and_build_agree(tmp_path: Path) -> None:
    spec = {"spec": 1, "base": written(tmp_path, "net", two(), "b"), "head": [{"Dense": 2}]}
    (tmp_path / "spec.yaml").write_text(json.dumps(spec), encoding="utf-8")
    checked, compiled = found(tmp_path / "spec.yaml")
    assert checked == compiled
    (warning,) = compiled
    assert warning.message == "`base.weights.map` leaves out `b`, which is kept and will be initialised"
    assert warning.path == ("base", "weights", "map")
    assert warning.line is not None
    command = [sys.executable, "-m", "spec_compiler", "build", "spec.yaml", "-o", "out.keras"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stderr
    assert said.count("warning[SC507]") == 1


def test_finding_W26_of_several_bases(tmp_path: Path) -> None:
    bases = {"left": written(tmp_path, "left", two(), ""), "right": written(tmp_path, "right", two(), "a")}
    spec = {"spec": 1, "bases": bases, "head": [{"Concatenate": {}, "from": ["left/b", "right/b"]}]}
    checked, compiled = found(spec)
    assert checked == compiled
    (warning,) = compiled
    assert warning.path == ("bases", "right", "weights", "map")
    assert warning.message == "`bases.right.weights.map` leaves out `a`, which is kept and will be initialised"
    assert warning.help == "add `a: GROUP`, or take the layer out"


def test_finding_W26_of_an_opened_model(tmp_path: Path) -> None:
    image = keras.Input((4,), name="in")
    outer = keras.Model(image, keras.layers.Dense(2, name="a")(two("inner")(image)), name="outer")
    base = written(tmp_path, "outer", randomized(outer), "")
    base["weights"]["map"] = {"a": "layers/dense"}
    for reach in ({}, {"freeze": "inner/a"}):
        checked, compiled = found({"spec": 1, "base": base, **reach})
        assert checked == compiled
        assert ["`inner`" in each.message for each in compiled] == [True]
