"""What the tests of laws share: edits applied, and what of two graphs is compared."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import HealthCheck, settings

from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.plan.editing import apply_edits, opened_for
from spec_compiler.spec import load_spec
from tests.unit.random_graphs import random_spec

law = settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


def edited(graph: Graph, **sections: Any) -> Graph:
    """The graph after these sections.

    Raises:
        SpecError: one of them does not fit.
    """
    spec = load_spec({"spec": 1, **sections})
    return apply_edits(spec, opened_for(spec, graph))


def edited_or_none(graph: Graph, **sections: Any) -> Graph | None:
    """The graph after these sections, None where one of them does not fit."""
    try:
        return edited(graph, **sections)
    except SpecError:
        return None


def as_model(graph: Graph) -> Graph:
    """What a graph says of the model, without what it remembers of the edits that made it."""
    return replace(graph, removed={}, warnings=(), idle=frozenset())


def singles(graph: Graph) -> list[str]:
    """The calls that put out one tensor."""
    return [name for name, node in graph.nodes.items() if len(node.outputs) == 1]


def one_that_fits(graph: Graph, chance: Random) -> tuple[dict[str, Any], Graph]:
    """A spec that applies, and the graph after it."""
    for _ in range(20):
        spec = random_spec(chance, graph)
        after = edited_or_none(graph, **spec)
        if after is not None:
            return spec, after
    return {}, edited(graph)


def places(graph: Graph) -> list[Any]:
    """Where the base keeps the variables of all layers."""
    return sorted(place for layer in graph.layers.values() for place in layer.all_places() if place is not None)


def removable(graph: Graph) -> list[str]:
    """The calls that take one tensor and put out one."""
    return [name for name in singles(graph) if len(set(graph.nodes[name].data_inputs)) == 1]
