"""Entries of the cache with a right checksum and another content: as good as no entry, never a traceback."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spec_compiler import SpecError, load_spec
from spec_compiler.cli.show import plan_text, table_text
from spec_compiler.diagram import to_dot
from spec_compiler.files import HERE
from spec_compiler.graph import Graph
from spec_compiler.graph.invariants import check_graph
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.graph.plain import from_plain, to_plain
from spec_compiler.language.base import Base
from spec_compiler.memory import cache
from spec_compiler.memory.bases import base_key, recall_graph
from spec_compiler.memory.calls import inferred, learn
from spec_compiler.plan.costs import multiply_adds
from spec_compiler.spec.permissions import Permissions
from tests.memory import static_plan
from tests.unit.graphs import chain, residual, shared

SPEC = {
    "spec": 1,
    "base": {"application": "VGG16", "weights": None},
    "freeze": ["a"],
    "set": [{"layers": "b", "to": {"activation": "tanh"}}],
    "head": [{"Dense": 3}],
}
VALUES = [None, True, -1, 0, 7, 2.5, "", "a", "in", "$ref", [], [1], ["a", 0], {}, {"$ref": ["d", 0]}, {"$tuple": 3}]
MORE: tuple[Any, ...] = (
    {"$ref": ["nothing", 0]},
    {"$ref": ["a", 9]},
    {"$ref": ["a", -1]},
    {"class_name": "Lambda", "config": {}},
    [[]],
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in JSON data."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from places(each, (*path, key))


def mutated(value: Any, draw: Any) -> Any:
    """The data with one to three things otherwise: another value, a key or item more or less, two in another order."""
    value = {"data": copy.deepcopy(value)}
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([each for each in places(value) if each]))
        holder = value
        for key in path[:-1]:
            holder = holder[key]
        how = draw(st.sampled_from(["other", "less", "more", "twice", "order"]))
        key = path[-1]
        if how == "less" and len(path) > 1:
            del holder[key]
        elif how == "more" and isinstance(holder[key], dict):
            holder[key] |= {
                draw(st.sampled_from(["new", "$ref", "$tuple", "class_name"])): draw(st.sampled_from(VALUES))
            }
        elif how == "twice" and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        elif how == "order" and isinstance(holder[key], list):
            holder[key].reverse()
        else:
            holder[key] = copy.deepcopy(draw(st.sampled_from([*VALUES, *MORE])))
    return value["data"]


def nested() -> Graph:
    outer = residual()
    inside = replace(outer.layers["b"], kind="model", inner=chain("in", "x", "y"), class_name="Functional")
    return replace(outer, layers={**outer.layers, "b": inside})


GRAPHS = {"residual": residual(), "shared": shared(), "nested": nested()}


def base_of() -> Base:
    base = load_spec(SPEC).base
    assert isinstance(base, Base)
    return base


@pytest.mark.parametrize("name", GRAPHS)
def test_finding_S22_what_is_right_comes_back(name: str) -> None:
    assert from_plain(json.loads(json.dumps(to_plain(GRAPHS[name])))) == GRAPHS[name]


@pytest.mark.thorough
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.data())
def test_finding_S22_a_graph_of_other_content(data: Any) -> None:
    made = GRAPHS[data.draw(st.sampled_from(sorted(GRAPHS)))]
    key = base_key(base_of(), HERE)
    assert key is not None
    cache.keep(key, mutated(to_plain(made), data.draw))
    found = recall_graph(key)
    if found is None:
        return
    check_graph(found, "reading")
    assert from_plain(json.loads(json.dumps(to_plain(found)))) == found
    plan = _followed({**SPEC, "set": [], "freeze": [], "head": []})
    if plan is not None:
        plan_text(plan)
        table_text(plan.after, [])
        to_dot(plan, "diff")
        multiply_adds(plan.before)
    _followed(SPEC)


def _followed(data: dict[str, Any]) -> Any:
    """How far a spec can be followed; a mistake in it is one of the graph's."""
    try:
        return static_plan(load_spec(data), Permissions())[1]
    except SpecError:
        return None


@pytest.mark.thorough
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.data())
def test_finding_S22_calls_of_other_content(data: Any) -> None:
    before = residual()
    config = {"module": "keras.layers", **before.layers["b"].config}
    changed = replace(before.layers["b"], config=config, changed_by=Origin("set"), changed={"units": 8})
    after = replace(before, layers={**before.layers, "b": changed})
    base = {"format": 0}
    learn(after, before, after, base)
    (path,) = Path(cache.cache_folder() or "").glob("*.json")
    entry = json.loads(path.read_text(encoding="utf-8"))
    known = json.loads(entry["data"])
    assert known
    assert inferred(after, before, base) is not None
    cache.keep(entry["key"], mutated(known, data.draw))
    found = inferred(after, before, base)
    if found is not None:
        check_graph(found, "reading")
    path.unlink()


WRONG: dict[str, Any] = {
    "an unknown key": lambda data: data.update(more=1),
    "no key": lambda data: data.pop("positions"),
    "an unknown key of a layer": lambda data: data["layers"][1].update(more=1),
    "a text for a number": lambda data: data["layers"][1].update(position="1"),
    "a number for yes": lambda data: data["layers"][1].update(trainable=1),
    "yes for a size": lambda data: data["layers"][1]["variables"][0].__setitem__(1, [True, 8]),
    "a negative size": lambda data: data["nodes"][1][4].__setitem__(0, [[-8], "float32"]),
    "a reference to nothing": lambda data: data["nodes"][1].__setitem__(2, {"$tuple": [{"$ref": ["nothing", 0]}]}),
    "a reference to itself": lambda data: data["nodes"][1].__setitem__(2, {"$tuple": [{"$ref": ["a", 0]}]}),
    "a cycle": lambda data: data["nodes"][1].__setitem__(2, {"$tuple": [{"$ref": ["d", 0]}]}),
    "an output that is not there": lambda data: data.update(outputs={"$ref": ["d", 3]}),
    "no output": lambda data: data.update(outputs=[]),
    "a layer that is not there": lambda data: data["nodes"][1].__setitem__(1, "nothing"),
    "a layer without a call": lambda data: data["nodes"].pop(3),
    "a layer twice": lambda data: data["layers"].append(data["layers"][1]),
    "a kind that is none": lambda data: data["layers"][1].update(kind="code"),
    "a model without its graph": lambda data: data["layers"][1].update(kind="model"),
    "a config of another form": lambda data: data["layers"][1].update(config={"class_name": "Dense", "error": "x"}),
    "an odd key": lambda data: data["layers"][1]["config"]["config"].update({"$eval": "x"}),
}


@pytest.mark.parametrize("name", WRONG)
def test_finding_S22_such_data_is_no_entry(name: str) -> None:
    key = base_key(base_of(), HERE)
    assert key is not None
    data = json.loads(json.dumps(to_plain(residual())))
    cache.keep(key, data)
    assert recall_graph(key) is not None
    WRONG[name](data)
    cache.keep(key, data)
    assert recall_graph(key) is None
