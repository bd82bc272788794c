"""Where a whole model flows through one tensor: the only places to cut it at without cutting through a branch."""

from __future__ import annotations

from itertools import pairwise

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Shape


def narrow_places(graph: Graph) -> list[str]:
    """The nodes that every path from the inputs to the outputs goes through, in order; inputs and outputs left out.

    Inside a squeeze-and-excite block or one of several parallel branches there is none.
    """
    serving = graph.ancestors(ref.node for ref in graph.output_refs)
    order = [name for name in graph.nodes if name in serving]
    ends = {ref.node for ref in graph.output_refs}
    waiting = {name: sum(user in serving for user in graph.consumers[name]) for name in order}
    inputs = sum(not graph.nodes[name].inputs for name in order)
    live: set[str] = set()  # the nodes whose tensors something still has to take
    narrow: list[str] = []
    for name in order:
        for taken in {ref.node for ref in graph.nodes[name].inputs}:
            waiting[taken] -= 1
            if not waiting[taken] and taken not in ends:
                live.discard(taken)
        live.add(name)
        inputs -= not graph.nodes[name].inputs
        if live == {name} and not inputs and graph.nodes[name].inputs and name not in ends:
            narrow.append(name)
    return narrow


def places_to_cut(graph: Graph) -> list[str]:
    """The ends of the model's stages: after each of them its images get smaller, and nothing goes around it.

    A stage ends in what joins its last branches, or in its pooling; models without either end at the layer itself.
    """
    depth = {name: at for at, name in enumerate(graph.nodes)}
    return [name for name in stage_ends(graph) if depth[name] > len(depth) / 5]  # a stem alone has learned too little


def stage_ends(graph: Graph) -> list[str]:
    """As `places_to_cut`, the end of the stem among them."""
    places = [name for name in narrow_places(graph) if _size(graph, name) and "@" not in name]
    ends: dict[str, None] = {}
    for at, (name, following) in enumerate(pairwise(places), 1):
        if (_size(graph, following) or 0) < (_size(graph, name) or 0):
            is_pooling = "Pooling" in graph.layer_of(following).class_name
            ends[following if is_pooling else _end(graph, places[:at])] = None
    return list(ends)


def _end(graph: Graph, places: list[str]) -> str:
    """Where the stage ends whose last narrow places these are: its last join, with the activation after it."""
    while "Padding" in graph.layer_of(places[-1]).class_name and len(places) > 1:
        places = places[:-1]
    size = _size(graph, places[-1])
    for at in range(len(places) - 1, -1, -1):
        if graph.layer_of(places[at]).class_name in _JOINS:
            while at + 1 < len(places) and graph.layer_of(places[at + 1]).class_name in _ACTIVATIONS:
                at += 1
            return places[at]
        if _size(graph, places[at]) != size:
            break
    return places[-1]


_JOINS = ("Add", "Concatenate", "CustomScaleLayer")  # the last adds as well, in InceptionResNetV2
_ACTIVATIONS = ("Activation", "ReLU")


def _size(graph: Graph, name: str) -> int | None:
    """The height times the width of the images that a node puts out; None where it puts out others."""
    outputs = graph.nodes[name].outputs
    shape: Shape = outputs[0].shape if len(outputs) == 1 else ()
    if len(shape) != 4 or shape[1] is None or shape[2] is None:
        return None
    return shape[1] * shape[2]
