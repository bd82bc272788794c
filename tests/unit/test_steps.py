"""`steps`: the sections in an order of the spec's own, which in the usual order mean what the sections mean."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec_compiler.diagnostics import SpecError
from spec_compiler.diagram.report import report_data
from spec_compiler.edits import EDITS
from spec_compiler.graph import Graph
from spec_compiler.graph.invariants import check_graph
from spec_compiler.language.places import in_section
from spec_compiler.plan import Plan
from spec_compiler.plan.editing import NotShaped, opened_for
from spec_compiler.plan.warnings import lint
from spec_compiler.spec import load_spec
from tests.random_specs import specs
from tests.unit.graph_text import graph_text
from tests.unit.graphs import chain
from tests.unit.laws import edited, law
from tests.unit.random_graphs import chances, graphs, random_spec


def as_steps(spec: dict[str, Any]) -> dict[str, Any]:
    """The same spec with its sections as steps in the usual order."""
    others = {key: value for key, value in spec.items() if key not in EDITS}
    return {**others, "steps": [{key: spec[key]} for key in EDITS if key in spec]}


def without_steps(text: str) -> str:
    return re.sub(r"steps\[\d+\]\.", "", text)


def result(graph: Graph, spec: dict[str, Any]) -> tuple[Any, ...]:
    """What a spec makes of a graph and says of it, every place as in a spec with sections."""
    try:
        loaded = load_spec({**spec, "spec": 1})
        before = opened_for(loaded, graph)
        after = edited(graph, **{key: value for key, value in spec.items() if key != "spec"})
    except NotShaped:  # only Keras knows the shapes that an edit needs
        return ("not shaped",)
    except SpecError as error:
        said = [(each.code, in_section(each.path), without_steps(each.message)) for each in error.diagnostics]
        return "refused", said
    plan = Plan(after.name, before, after)
    layers = [{**row, "path": row["path"] and list(in_section(tuple(row["path"])))} for row in plan.to_json()["layers"]]
    warnings = [(each.code, in_section(each.path), without_steps(each.message)) for each in lint(loaded, plan)]
    return without_steps(graph_text(after)), json.dumps({**plan.to_json(), "layers": layers}), warnings


@law
@given(graphs(), chances())
def test_steps_in_the_usual_order_are_the_sections(graph: Graph, chance: Random) -> None:
    """A spec of steps in the usual order has the plan, the mistakes and the warnings of its sections."""
    spec = random_spec(chance, graph)
    assert result(graph, as_steps(spec)) == result(graph, spec)


@law
@given(graphs(), st.data())
def test_so_are_those_that_hit_less_often(graph: Graph, data: st.DataObject) -> None:
    """The same of the specs that are drawn for models."""
    spec = data.draw(specs([*graph.layers]))
    assert result(graph, as_steps(spec)) == result(graph, spec)


@law
@given(graphs(), chances(), st.data())
def test_steps_in_any_order_make_a_sound_graph_or_are_refused_in_their_place(
    graph: Graph, chance: Random, data: st.DataObject
) -> None:
    """Sections drawn twice, in an order that is drawn too."""
    steps = [step for _ in range(2) for step in as_steps(random_spec(chance, graph))["steps"]]
    steps = data.draw(st.permutations(steps))
    try:
        spec = load_spec({"spec": 1, "steps": steps})
        after = check_graph(edited(graph, steps=steps), "the test")
    except NotShaped:  # only Keras knows the shapes that an edit needs
        return
    except SpecError as error:
        refused = {each.path[0] for each in error.diagnostics}
    else:
        refused = set()
    assert refused <= {"steps"}
    if refused:
        return
    assert set(after.nodes) <= after.used
    plan = Plan("steps", opened_for(spec, graph), after)
    assert all(each.path[0] == "steps" for each in lint(spec, plan))
    origins = [layer.origin for layer in after.layers.values() if layer.is_new] + [*after.removed.values()]
    assert {origin.path[0] for origin in origins} <= {"steps"}


def test_a_spec_knows_its_edits_in_their_order() -> None:
    text = "spec: 1\nsteps:\n- set: {layers: a, to: {units: 3}}\n- input: {channels: 1, preprocess: VGG16}\n- head:\n"
    spec = load_spec(text + "- set:\n  - {layers: b, to: {units: 4}}\n  - {layers: c, to: {units: 5}}\n")
    assert [path for path, _ in spec.edits()] == [
        ("steps", 0, "set", 0),
        ("steps", 1, "input"),
        ("steps", 1, "input", "preprocess"),
        ("steps", 3, "set", 0),
        ("steps", 3, "set", 1),
    ]
    assert spec.place("set") == ("steps", 3, "set")
    assert repr(spec) == "<Spec the base of the caller: steps[0].set, steps[1].input, steps[3].set>"


def test_empty_sections_and_empty_steps_say_nothing() -> None:
    assert not [*load_spec("spec: 1\nsteps:\nhead:\n").edits()]
    assert [path for path, _ in load_spec("spec: 1\nsteps:\n- cut_at: a\nhead:\nset: []\n").edits()] == [
        ("steps", 0, "cut_at")
    ]


@pytest.mark.parametrize("place", ["steps.1.head.0.Dense", "steps[1].head[0].Dense"])
def test_an_override_reaches_into_a_step(place: str) -> None:
    text = "spec: 1\nsteps:\n- cut_at: a\n- head: [{Dense: 3}]\n"
    assert [*load_spec(text, overrides=f"{place}=4").edits()] == [*load_spec(text.replace("3", "4")).edits()]
    with pytest.raises(SpecError) as caught:
        load_spec(text, overrides=f"{place}={{unit: 4}}")
    assert caught.value.diagnostics[0].override is not None


def test_a_report_leads_to_the_steps() -> None:
    text = "spec: 1\nsteps:\n- freeze: a\n- head: [{Dense: 3}]\n- set: {layers: a, to: {activation: relu}}\n"
    base = chain("in", "a")
    weighted = replace(base, layers={**base.layers, "a": replace(base.layers["a"], variables=())})
    data = report_data(
        Plan("steps", weighted, edited(weighted, steps=load_spec(text).source.data["steps"])),
        source=load_spec(text).source,
    )
    places = [place for place, *_ in data["spec"]["places"]]
    links = {node["key"]: [places[number] for number in node.get("links", ())] for node in data["nodes"]}
    assert links["dense"] == ["steps[1].head[0]"]
    assert links["a"] == ["steps[2].set", "steps[0].freeze"]
