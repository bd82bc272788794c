"""What one spec freezes is frozen in the next, however its result becomes a base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import pytest

from spec_compiler import compile_spec, load_spec
from spec_compiler.spec.permissions import Permissions
from tests.backend.conftest import branching, randomized
from tests.memory import static_plan


def nested() -> Any:
    """A model in a model, with an operation, a BatchNormalization and a Dropout inside."""
    x = inner_in = keras.Input((4,), name="inner_in")
    x = keras.layers.Dense(4, name="inner_dense")(x)
    x = keras.layers.BatchNormalization(name="inner_bn")(x)
    x = keras.layers.Dropout(0.5, name="inner_drop")(x)
    inner = keras.Model(inner_in, x * 2.0, name="inner")
    outer_in = keras.Input((4,), name="outer_in")
    return randomized(keras.Model(outer_in, keras.layers.Dense(3, name="top")(inner(outer_in)), name="outer"))


@pytest.mark.parametrize("freeze", ["all", "base", "..stem", {"layers": "base", "except": "block2_*"}])
def test_finding_W2_the_three_ways_agree(freeze: Any, tmp_path: Path) -> None:
    assert_agree(branching(), freeze, tmp_path, {})


@pytest.mark.parametrize("freeze", ["all", "inner", "inner/inner_bn", {"layers": "inner/*", "batch_norm": "all"}])
@pytest.mark.parametrize("reach", [{}, {"set": [{"layers": "inner/inner_drop", "to": {"rate": 0.1}}]}])
def test_finding_W2_nested_models_agree(freeze: Any, reach: dict[str, Any], tmp_path: Path) -> None:
    opened = not isinstance(freeze, str) or "/" in freeze
    assert_agree(nested(), freeze, tmp_path, {} if opened else reach)


def assert_agree(model: Any, freeze: Any, folder: Path, edits: dict[str, Any]) -> None:
    model.save(folder / "base.keras")
    first = {"spec": 1, "base": {"file": str(folder / "base.keras")}, "freeze": freeze}
    (folder / "first.yaml").write_text(json.dumps(first), encoding="utf-8")  # JSON is YAML
    result = compile_spec(first)
    result.model.save(folder / "first.keras")
    second = {"spec": 1, **edits, "head": [{"Dense": {"units": 2, "name": "new"}}]}
    by_spec = {**second, "base": {"spec": str(folder / "first.yaml")}}
    found = [
        compile_spec(by_spec),
        compile_spec({**second, "base": {"file": str(folder / "first.keras")}}),
        compile_spec(second, base=result.model),
    ]
    wanted = {variable.path for variable in result.model.trainable_variables}
    for compiled in found:
        trains = {variable.path for variable in compiled.model.trainable_variables}
        assert {path for path in trains if not path.startswith("new/")} == wanted
        assert frozen(compiled.plan.after) == frozen(found[0].plan.after)
        assert frozen(compiled.plan.before) == frozen(found[0].plan.before)
        assert compiled.plan.num_frozen == found[0].plan.num_frozen
    tier, plan = static_plan(load_spec(by_spec), Permissions())
    assert tier == "shapes"
    assert plan == found[0].plan


def frozen(graph: Any) -> set[str]:
    inside = {f"{name}/{each}" for name, layer in graph.layers.items() if layer.inner for each in frozen(layer.inner)}
    return inside | {name for name, layer in graph.layers.items() if not layer.trainable}
