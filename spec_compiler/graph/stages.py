"""The stages of a model: what lies between the places where all of it flows through one tensor."""

from __future__ import annotations

from spec_compiler.graph import Graph
from spec_compiler.graph.narrow import narrow_places, stage_ends
from spec_compiler.graph.opened import open_model


def stages(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """The layers of each stage from the inputs on, those of nested models as `outer/inner`.

    A stage ends where the images get smaller; in a model where they never do, at every place where all of it flows
    through one tensor, as behind each block of a transformer. A layer that is called in several stages is in the last.
    """
    while models := [name for name, layer in graph.layers.items() if layer.inner is not None]:
        graph = open_model(graph, models[0])
    ends = set(stage_ends(graph) or narrow_places(graph))
    at, place = 0, {}
    for node in graph.nodes:
        place[graph.nodes[node].layer] = at
        at += node in ends
    found: list[list[str]] = [[] for _ in range(at + 1)]
    for layer, number in place.items():
        found[number].append(layer)
    return tuple(tuple(each) for each in found if each)
