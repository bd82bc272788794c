"""What must hold of every edit, said in a sentence and tried on random graphs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.invariants import check_graph
from spec_compiler.graph.node import ValueRef, map_references
from spec_compiler.graph.opened import opened
from spec_compiler.graph.trainable import flags
from spec_compiler.plan import Plan
from spec_compiler.plan.editing import opened_for
from spec_compiler.spec import load_spec
from tests.unit.graph_reader import read_graph
from tests.unit.graph_text import graph_text
from tests.unit.laws import as_model, edited, edited_or_none, law, one_that_fits, removable, singles
from tests.unit.random_graphs import chain_of, chances, graphs, random_spec, selector


@law
@given(graphs())
def test_an_empty_spec_changes_nothing(graph: Graph) -> None:
    """An empty spec is the identity."""
    assert replace(edited(graph), idle=frozenset()) == graph


@law
@given(graphs(), chances())
def test_an_edit_makes_a_sound_graph_or_is_refused_in_its_place(graph: Graph, chance: Random) -> None:
    """Every edit that applies makes a graph that `check_graph` proves sound and all of which is used."""
    spec = random_spec(chance, graph)
    before = graph_text(graph)
    try:
        after = check_graph(edited(graph, **spec), "the test")
        assert set(after.nodes) <= after.used
        assert set(after.layers) == set(after.calls)
        refused: tuple[Diagnostic, ...] = ()
    except SpecError as error:
        refused = error.diagnostics
    assert all(each.path and each.path[0] in spec for each in refused)
    assert graph_text(graph) == before


@law
@given(graphs(), chances())
def test_a_plan_counts_every_layer_once(graph: Graph, chance: Random) -> None:
    """Kept, changed and dropped layers are those of the base; kept, changed and new ones those of the result."""
    spec, after = one_that_fits(graph, chance)
    before = opened_for(load_spec({"spec": 1, **spec}), graph)
    plan = Plan("plan", before, after)
    assert plan.count("kept") + plan.count("changed") + plan.count("dropped") == len(before.layers)
    assert plan.count("kept") + plan.count("changed") + plan.count("new") == len(after.layers)
    assert Plan("same", before, before).is_empty


@law
@given(graphs(), chances())
def test_names_mean_nothing(graph: Graph, chance: Random) -> None:
    """A spec on a model with other names makes the same model with other names."""
    spec = random_spec(chance, graph)

    def other(text: str) -> str:
        return re.sub(r"(?<![a-z])l(?=[\d*?])", "m", text)

    after = edited_or_none(graph, **spec)
    renamed = edited_or_none(read_graph(other(graph_text(graph))), **json.loads(other(json.dumps(spec))))
    assert (after is None) == (renamed is None)
    if after is not None and renamed is not None:
        assert graph_text(renamed) == other(graph_text(after))


@law
@given(graphs(), chances())
def test_what_was_inserted_is_removed_again(graph: Graph, chance: Random) -> None:
    """`remove` after `insert` of the same layers is the identity."""
    each = selector(chance, singles(graph))
    place = chance.choice(("after", "before"))
    more = edited_or_none(graph, insert=[{place: {"each": each}, "layers": chain_of(chance)}])
    if more is None:
        return
    assert as_model(edited(more, remove=["*_new*"])) == as_model(opened(graph, [str(each)]))


@law
@given(graphs(), chances())
def test_what_was_inserted_between_is_removed_again(graph: Graph, chance: Random) -> None:
    """`remove` after `insert` on the edges between two sets of layers is the identity."""
    one, other = ("all", selector(chance, [*graph.layers]))[:: chance.choice((1, -1))]
    more = edited_or_none(graph, insert=[{"between": {"each": [one, other]}, "with": chain_of(chance)}])
    if more is None:
        return
    assert as_model(edited(more, remove=["*_new*"])) == as_model(opened(graph, [str(one), str(other)]))


@law
@given(graphs(), chances())
def test_a_replacement_takes_the_place_of_an_insertion_and_a_removal(graph: Graph, chance: Random) -> None:
    """`replace` of a layer by one is `insert` after it and then `remove` of it."""
    name = chance.choice(singles(graph))
    new = [{"Activation": {"activation": "relu", "name": "new"}}]
    replaced = edited_or_none(graph, replace=[{"layers": name, "with": new}])
    inserted = edited_or_none(graph, insert=[{"after": name, "with": new}])
    removed = edited_or_none(inserted, remove=name) if inserted is not None else None
    if replaced is None or removed is None:
        return
    assert replaced.nodes == removed.nodes
    assert replaced.outputs == removed.outputs


@law
@given(graphs(), chances())
def test_removals_come_in_any_order(graph: Graph, chance: Random) -> None:
    """Two removals that apply in both orders leave the same model."""
    names = removable(graph)
    assume(len(names) > 1)
    one, other = chance.sample(names, 2)
    first, second = edited_or_none(graph, remove=[one, other]), edited_or_none(graph, remove=[other, one])
    if first is None or second is None:
        return
    assert as_model(first) == as_model(second)


@law
@given(graphs())
def test_the_outputs_that_are_there(graph: Graph) -> None:
    """`outputs` with what the model puts out, and `cut_at` its only output, are the identity."""
    assume(all(len(graph.nodes[ref.node].outputs) == 1 for ref in graph.output_refs))
    named = map_references(graph.outputs, lambda ref: ref.node)
    used = edited_or_none(graph, outputs=named)
    if used is None:
        return
    assert as_model(used) == as_model(graph)
    if isinstance(graph.outputs, ValueRef):
        assert as_model(edited(graph, cut_at=named)) == as_model(graph)


@law
@given(graphs(), chances())
def test_a_second_cut_changes_nothing(graph: Graph, chance: Random) -> None:
    """`cut_at` twice is `cut_at` once, and a cut is the model of what its layer depends on."""
    name = chance.choice(singles(graph))
    once = edited(graph, cut_at=name)
    assert as_model(edited(once, cut_at=name)) == as_model(once)
    idle = {ref.node for ref in graph.input_refs} - graph.used
    assert set(once.nodes) == graph.ancestors([name]) | idle


@law
@given(graphs())
def test_a_head_is_cut_off_again(graph: Graph) -> None:
    """`cut_at` the layer that a head stood on is the model without the head."""
    assume(isinstance(graph.outputs, ValueRef))
    end = graph.outputs.node
    assume(len(graph.nodes[end].outputs) == 1)
    more = edited(graph, head=["Flatten", {"Dense": 3}])
    assert as_model(edited(more, cut_at=end)) == as_model(graph)


@law
@given(graphs(), st.sampled_from((None, "all", "selected")), chances())
def test_frozen_twice_is_frozen(graph: Graph, batch_norm: str | None, chance: Random) -> None:
    """Freezing twice is freezing once, and changes no call."""
    which = selector(chance, [*graph.layers])
    freeze = which if batch_norm is None else {"layers": which, "batch_norm": batch_norm}
    once = edited_or_none(graph, freeze=freeze)
    if once is None:
        return
    assert replace(edited(once, freeze=freeze), warnings=()) == replace(once, warnings=())
    assert once.nodes == graph.nodes


@law
@given(graphs(), chances())
def test_unfrozen_is_as_it_was(graph: Graph, chance: Random) -> None:
    """What is frozen and then unfrozen can train, and the others are as they were."""
    which = selector(chance, [*graph.layers])
    frozen = edited_or_none(graph, freeze=which)
    thawed = edited_or_none(graph, freeze=which, unfreeze=which)
    if frozen is None or thawed is None:
        return
    was, low, high = flags(graph), flags(frozen), flags(thawed)
    assert all(high[name] for name in was if was[name] != low[name])
    assert all(high[name] >= was[name] >= low[name] for name in was)


@law
@given(graphs(), chances())
def test_set_twice_is_set(graph: Graph, chance: Random) -> None:
    """Setting an argument twice is setting it once, and the last of two values is what counts."""
    names = [name for name, layer in graph.layers.items() if layer.kind == "layer"]
    name = chance.choice(names or ["nothing"])
    assume(names)
    to, other = ([{"layers": name, "to": {"dtype": dtype}}] for dtype in ("float16", "float64"))
    once = edited(graph, set=to)
    assert as_model(edited(once, set=to)) == as_model(once)
    assert as_model(edited(edited(graph, set=other), set=to)) == as_model(once)
