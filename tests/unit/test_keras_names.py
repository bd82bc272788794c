"""A layer's name with slashes and its name in Keras, which allows none: no two layers of a model share one."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import click
from hypothesis import assume, given

from spec_compiler.cli.show import layer_rows, table_text
from spec_compiler.graph import Graph
from spec_compiler.graph.joined import joined
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.opened import open_model
from tests.unit.graphs import chain
from tests.unit.laws import edited_or_none, law
from tests.unit.random_graphs import chances, graphs, random_spec

# What stands together with `_` between it in many ways: `a/b_c`, `a_b/c` and `a_b_c` are one flat name.
NAMES = (
    "a",
    "b",
    "c",
    "a_b",
    "b_c",
    "a_b_c",
    "a_a",
    "a_",
    "_a",
    "a_1",
    "a_b_1",
    "b_c_1",
    "_",
    "a_b_c_1",
    "c_2",
    "b__c",
)


def with_names_alike(graph: Graph, chance: Random) -> Graph:
    """The graph with names that are one without their slashes, inside of its models too."""
    names = dict(zip(graph.layers, chance.sample(NAMES, len(graph.layers)), strict=True))
    moved = graph.relabelled(names)

    def inside(layer: LayerSpec) -> LayerSpec:
        return replace(layer, inner=with_names_alike(layer.inner, chance)) if layer.inner is not None else layer

    return replace(moved, layers={name: inside(layer) for name, layer in moved.layers.items()})


def with_some_opened(graph: Graph, chance: Random) -> Graph:
    """The graph with some of its models opened, in any order."""
    while models := [name for name, layer in graph.layers.items() if layer.inner is not None]:
        if chance.random() < 0.2:
            break
        graph = open_model(graph, chance.choice(models))
        check(graph)
    return graph


def check(graph: Graph) -> None:
    names: dict[str, str] = {}
    for name, layer in graph.layers.items():
        known = layer.name_in_keras
        assert "/" not in known
        assert known not in names, f"`{names[known]}` and `{name}` are both `{known}` in Keras"
        assert "/" in name or known == name, "a name without a slash stands in Keras as it is"
        names[known] = name


@law
@given(graphs(), graphs(), chances())
def test_no_two_layers_have_one_name_in_keras(one: Graph, other: Graph, chance: Random) -> None:
    """Whatever was opened before two models were joined, and whatever is opened and edited then, in any order."""
    assume(max(len(one.layers), len(other.layers)) <= len(NAMES))
    parts = [with_some_opened(with_names_alike(each, chance), chance) for each in (one, other)]
    together = joined(dict(zip(chance.sample(("a", "b", "a_b", "a_a", "_"), 2), parts, strict=True)))
    check(together)
    for graph in (with_some_opened(together, chance), *parts):
        after = edited_or_none(graph, **random_spec(chance, graph))
        if after is not None:
            check(after)


def test_both_names_are_shown_where_they_differ() -> None:
    graph = joined({"a": chain("b_c", "x"), "a_b": chain("c", "y")})
    names = {"a/b_c": "a_b_c", "a/x": "a_x", "a_b/c": "a_b_c_1", "a_b/y": "a_b_y"}
    assert {row["name"]: row["keras_name"] for row in layer_rows(graph)} == names
    lines = click.unstyle(str(table_text(graph, layer_rows(graph)))).splitlines()
    assert lines[0].split()[:4] == ["#", "name", "in", "Keras"]
    assert [tuple(line.split()[1:3]) for line in lines[1:5]] == [*names.items()]
    alone = chain("b_c", "x")
    assert "in Keras" not in str(table_text(alone, layer_rows(alone)))
