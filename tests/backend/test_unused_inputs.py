"""An input that the base takes and does not use is still taken; what an edit makes unused goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import compile_spec, load_spec, plan_spec
from spec_compiler.spec.permissions import Permissions
from tests.backend.conftest import assert_same_bits, outputs_of, randomized
from tests.memory import static_plan

FEEDS = {
    "used": np.random.default_rng(1).normal(size=(3, 4)).astype("float32"),
    "idle": np.random.default_rng(2).normal(size=(3, 2)).astype("float32"),
}


def model(form: str) -> Any:
    """A model of two inputs, one without use, given as a list, a tuple in a list, or a mapping."""
    used, idle = keras.Input((4,), name="used"), keras.Input((2,), name="idle")
    x = keras.layers.Dense(3, name="a")(used)
    inputs: Any = {"list": [used, idle], "first": [idle, used], "mapping": {"used": used, "idle": idle}}[form]
    return randomized(keras.Model(inputs, keras.layers.Dense(2, name="b")(x), name="net"))


def feeds(form: str) -> Any:
    return {"list": [*FEEDS.values()], "first": [*reversed(FEEDS.values())], "mapping": FEEDS}[form]


@pytest.mark.parametrize("form", ["list", "first", "mapping"])
@pytest.mark.parametrize(
    "edits",
    [
        {},
        {"cut_at": "a"},
        {"replace": [{"layers": "b", "with": [{"Identity": {}}]}]},
        {"remove": ["b"]},
        {"outputs": ["a", "b"]},
    ],
    ids=lambda edits: next(iter(edits), "none"),
)
def test_finding_F5_an_input_without_use_stays(edits: dict[str, Any], form: str) -> None:
    base = model(form)
    compiled = compile_spec({"spec": 1, **edits}, base=base)
    taken = feeds(form)
    ends = {"outputs": ["a", "b"]}.get(next(iter(edits), ""), ["a"] if edits else ["b"])
    wanted = keras.Model(base.input, [base.get_layer(name).output for name in ends])
    assert_same_bits(outputs_of(compiled.model, taken), outputs_of(wanted, taken))
    assert [each.name for each in compiled.model.inputs] == [each.name for each in base.inputs]
    assert "idle" not in {change.name for change in compiled.plan.changes if change.action == "dropped"}


def test_finding_F5_also_without_keras_and_from_a_file(tmp_path: Path) -> None:
    model("list").save(tmp_path / "net.keras")
    spec = {"spec": 1, "base": {"file": str(tmp_path / "net.keras")}, "head": [{"Dense": 2}]}
    plan = plan_spec(spec)
    assert [ref.node for ref in plan.after.input_refs] == ["used", "idle"]
    assert static_plan(load_spec(spec), Permissions()) == ("shapes", plan)


def test_finding_F5_renamed_it_stays() -> None:
    compiled = compile_spec({"spec": 1, "input": {"layer": "idle", "name": "spare"}}, base=model("list"))
    assert [each.name for each in compiled.model.inputs] == ["used", "spare"]


def test_finding_F5_inside_of_an_opened_model() -> None:
    left, right = keras.Input((4,), name="left"), keras.Input((2,), name="right")
    outer = keras.Model([left, right], model("list")([left, keras.layers.Dense(2, name="fed")(right)]), name="outer")
    randomized(outer)
    compiled = compile_spec({"spec": 1, "freeze": "net/a"}, base=outer)
    assert_same_bits(outputs_of(compiled.model, feeds("list")), outputs_of(outer, feeds("list")))


def test_finding_F5_what_an_edit_makes_unused_goes_and_the_plan_says_so() -> None:
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    join = keras.layers.Add(name="join")([left, right])
    base = keras.Model([left, right], keras.layers.Dense(2, name="b")(join))
    compiled = compile_spec({"spec": 1, "cut_at": "left", "head": [{"Dense": 2}]}, base=base)
    assert [each.name for each in compiled.model.inputs] == ["left"]
    dropped = {change.name for change in compiled.plan.changes if change.action == "dropped"}
    assert dropped == {"right", "join", "b"}
    assert compiled.plan.after.removed["right"].section == "cut_at"
