"""Code in specs: refused without permission, run with it. And objects whose names mean two things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, check_spec, compile_spec, plan_spec
from tests.backend.conftest import assert_same_bits, branching

MODULE = """
import keras

def backbone():
    open("ran", "w").close()
    inputs = keras.Input((4,), name="numbers")
    return keras.Model(inputs, keras.layers.Dense(3, name="dense")(inputs))
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec whose base is a function of a module beside it; it leaves a file where it ran."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"backbone_{tmp_path.name}.py").write_text(MODULE, encoding="utf-8")
    path = tmp_path / "spec.yaml"
    path.write_text(
        f"spec: 1\nbase: {{python: 'backbone_{tmp_path.name}:backbone'}}\nhead: [{{Dense: 2}}]\n", encoding="utf-8"
    )
    return path


def test_a_python_base_runs_with_permission_only(spec: Path, tmp_path: Path) -> None:
    assert [each.code for each in check_spec(spec)] == ["SC112"]
    for use in (plan_spec, compile_spec):
        with pytest.raises(SpecError) as caught:
            use(spec)
        assert caught.value.diagnostics[0].code == "SC112"
    assert not (tmp_path / "ran").exists()
    compiled = compile_spec(spec, allow_code=True)
    assert (tmp_path / "ran").exists()
    assert compiled.model.output_shape == (None, 2)
    assert {row.layer for row in compiled.weights.of("copied")} == {"dense"}


def test_a_spec_of_a_spec_needs_permission_as_well(spec: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer.yaml"
    outer.write_text("spec: 1\nbase: {spec: spec.yaml}\n", encoding="utf-8")
    assert [each.code for each in check_spec(outer)] == ["SC112"]
    assert not (tmp_path / "ran").exists()


def test_the_callers_lambda_is_built() -> None:
    head = [{"Lambda": {"function": lambda tensor: tensor * 2, "name": "double"}}]
    compiled = compile_spec({"spec": 1, "head": head}, base=branching())
    assert [each.code for each in compiled.warnings] == ["SC509"]


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ({"Identity": {"gain": 2.0}}, keras.initializers.Identity(gain=2.0)),
        ({"Identity": 2.0}, keras.initializers.Identity(gain=2.0)),
        ({"IdentityInitializer": {"gain": 3.0}}, keras.initializers.Identity(gain=3.0)),
        ({"constant": 0.5}, keras.initializers.Constant(0.5)),
        ({"zeros": None}, keras.initializers.Zeros()),
        ("identity", keras.initializers.Identity()),
    ],
)
def test_an_initializer_that_shares_its_name(written: Any, wanted: Any) -> None:
    """`Identity` is a layer and an initializer, `normal` an alias."""
    head = [{"Dense": {"units": 5, "kernel_initializer": written, "name": "last"}}]
    model = compile_spec({"spec": 1, "head": head}, base=branching()).model
    kernel = keras.ops.convert_to_numpy(model.get_layer("last").kernel)
    assert_same_bits(kernel, np.asarray(keras.ops.convert_to_numpy(wanted((5, 5)))))


def test_an_alias_of_a_random_initializer() -> None:
    entry = {"Dense": {"units": 5, "kernel_initializer": {"normal": {"stddev": 0.5}}, "name": "last"}}
    layer = compile_spec({"spec": 1, "head": [entry]}, base=branching()).model.get_layer("last")
    assert isinstance(layer.kernel_initializer, keras.initializers.RandomNormal)
    assert layer.kernel_initializer.stddev == 0.5


def test_a_layer_inside_a_layer() -> None:
    head = [
        {"Reshape": {"target_shape": [5, 1]}},
        {"Bidirectional": {"layer": {"LSTM": {"units": 2, "kernel_initializer": "zeros"}}}},
    ]
    assert compile_spec({"spec": 1, "head": head}, base=branching()).model.output_shape == (None, 4)
    cells = [{"Reshape": {"target_shape": [5, 1]}}, {"RNN": {"cell": [{"LSTMCell": 3}, {"GRUCell": {"units": 2}}]}}]
    assert compile_spec({"spec": 1, "head": cells}, base=branching()).model.output_shape == (None, 2)
