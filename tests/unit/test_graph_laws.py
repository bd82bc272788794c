"""What must hold of every graph and its names, said in a sentence and tried on random ones."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain
from random import Random
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.invariants import check_graph
from spec_compiler.graph.joined import joined
from spec_compiler.graph.opened import opened
from spec_compiler.graph.plain import from_plain, to_plain
from spec_compiler.graph.resolve import resolve
from spec_compiler.language.selectors import Selector
from spec_compiler.plan import Plan
from spec_compiler.spec import load_spec
from tests.random_specs import specs
from tests.unit.graph_reader import read_graph
from tests.unit.graph_text import graph_text
from tests.unit.laws import edited, law, one_that_fits, places
from tests.unit.random_graphs import chances, graphs, selector

NAMES = [f"l{at}" for at in range(7)]


# text and data


@law
@given(graphs())
def test_a_graph_is_read_from_its_text(graph: Graph) -> None:
    """What `graph_text` writes of a base, `read_graph` reads as the same graph."""
    assert read_graph(graph_text(graph)) == graph


@law
@given(graphs(), chances())
def test_the_text_of_an_edited_graph_is_stable(graph: Graph, chance: Random) -> None:
    """What is read from the text of an edited graph has that text."""
    _, after = one_that_fits(graph, chance)
    assert graph_text(read_graph(graph_text(after))) == graph_text(after)


@law
@given(graphs())
def test_a_graph_is_read_from_its_data(graph: Graph) -> None:
    """What `to_plain` writes, `from_plain` reads as the same graph, in the same order, through JSON too."""
    again = from_plain(json.loads(json.dumps(to_plain(graph))))
    assert again == graph
    assert (list(again.nodes), list(again.layers)) == (list(graph.nodes), list(graph.layers))


@law
@given(specs(NAMES))
def test_a_spec_is_read_from_text_as_from_data(data: Any) -> None:
    """A spec says the same as text and as data; what is refused of one is refused of the other."""

    def said(spec: Any) -> Any:
        try:
            return list(load_spec(spec).edits())
        except SpecError as error:
            return [(each.code, each.path) for each in error.diagnostics]

    assert said(json.dumps(data, indent=1)) == said(data)


# names


@law
@given(graphs())
def test_renaming_there_and_back(graph: Graph) -> None:
    """Renaming every layer and giving each its name back is the identity."""
    there = {name: f"new/{at}" for at, name in enumerate(graph.layers)}
    back = {new: old for old, new in there.items()}
    renamed = check_graph(graph.relabelled(there), "renaming")
    assert renamed.relabelled(back) == graph.relabelled({name: name for name in graph.layers})
    assert renamed.num_parameters == graph.num_parameters


@law
@given(graphs())
def test_an_input_under_another_name_and_back(graph: Graph) -> None:
    """`input: {name: …}` there and back is the same calls on the same inputs."""
    renamed = edited(graph, input={"layer": "in0", "name": "other"})
    back = edited(renamed, input={"layer": "other", "name": "in0"})
    assert "in0" not in renamed.layers
    assert (back.nodes, back.inputs, back.outputs) == (graph.nodes, graph.inputs, graph.outputs)
    assert Plan("back", graph, back).is_empty


@law
@given(graphs())
def test_a_printed_name_selects_that_layer(graph: Graph) -> None:
    """A layer's name selects all its calls and nothing else, a call's name that call."""
    for layer, calls in graph.calls.items():
        assert resolve(Selector.parse(layer), graph) == calls
    for call in graph.nodes:
        assert resolve(Selector.parse(call), graph) == (call,)


@law
@given(st.text("ab019._-*?:/@ ", min_size=1, max_size=8))
def test_a_name_that_looks_like_another_form_is_still_a_name(name: str) -> None:
    """Whatever a layer is called, its name selects it, where a selector can be written so."""
    graph = read_graph("model m\ninputs x\noutputs z\nx InputLayer()\ny ReLU() <- x\nz ReLU() <- y\n")
    graph = graph.relabelled({"y": name})
    try:
        selector = Selector.parse(name)
    except SpecError:
        return
    assume(name.strip() == name)
    assert resolve(selector, graph) == (name,)


@law
@given(graphs(), chances())
def test_a_list_is_a_union_and_except_a_difference(graph: Graph, chance: Random) -> None:
    """A list selects what its elements select; `except` leaves out what it selects."""
    one, other = (selector(chance, [*graph.layers]) for _ in range(2))

    def selected(raw: Any) -> set[str] | None:
        try:
            return set(resolve(Selector.parse(raw), graph))
        except SpecError:
            return None

    first, second = selected(one), selected(other)
    if first is None or second is None:
        return
    elements = [*chain.from_iterable(raw if isinstance(raw, list) else [raw] for raw in (one, other))]
    assert selected(elements) == first | second
    assert selected({"layers": one, "except": other}) == (first - second or None)


# nested models and several bases


@law
@given(graphs())
def test_an_open_model_is_the_model(graph: Graph) -> None:
    """Opening every nested model changes neither parameters nor what goes in and out; opening again changes nothing."""
    nested = [f"{name}/" for name, layer in graph.layers.items() if layer.inner is not None]
    open_ = check_graph(opened(graph, nested), "opening")
    assert open_.num_parameters == graph.num_parameters
    assert all(layer.inner is None for layer in open_.layers.values())
    assert [open_.spec_of(ref) for ref in open_.output_refs] == [graph.spec_of(ref) for ref in graph.output_refs]
    assert opened(open_, nested) == open_
    assert places(open_) == places(graph)


@law
@given(graphs(), graphs())
def test_joined_bases_are_the_bases(one: Graph, other: Graph) -> None:
    """Each of the bases that are joined is in the whole what it was, under its name."""
    whole = check_graph(joined({"a": one, "b": other}), "joining")
    assert whole.num_parameters == one.num_parameters + other.num_parameters
    assert len(whole.nodes) == len(one.nodes) + len(other.nodes)
    for prefix, base in (("a", one), ("b", other)):
        alone = base.relabelled({name: f"{prefix}/{name}" for name in base.layers})
        assert all(whole.nodes[name] == node for name, node in alone.nodes.items())
    names = [layer.name_in_keras for layer in whole.layers.values()]
    assert len(set(names)) == len(names)


# the graph itself


@law
@given(graphs())
def test_before_and_behind(graph: Graph) -> None:
    """A node depends on another one exactly where that one leads to it; its order is one in which it can be called."""
    order = list(graph.nodes)
    for name in order:
        for below in graph.descendants([name]):
            assert name in graph.ancestors([below])
            assert order.index(name) <= order.index(below)
    assert graph.sorted() is graph
    turned = replace(graph, nodes={name: graph.nodes[name] for name in reversed(order)}).sorted()
    assert turned.nodes == graph.nodes
    check_graph(turned, "sorting")
