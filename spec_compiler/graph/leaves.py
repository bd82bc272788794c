"""The layers that hold variables themselves: those inside of nested models in place of the models, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, VariableSpec
from spec_compiler.graph.trainable import with_ties_open


def leaves(graph: Graph) -> Iterator[tuple[str, LayerSpec]]:
    """Every layer that is no model, `outer/inner` in a nested one, frozen where a model around it is."""
    for name, layer in graph.layers.items():
        if layer.inner is None:
            yield name, layer
            continue
        for below, inside in leaves(layer.inner):
            yield f"{name}/{below}", inside if layer.trainable else replace(inside, trainable=False)


def leaves_of(names: Iterable[str], graph: Graph) -> frozenset[str]:
    """The names of those among them that are layers of these names, or inside of models of these names."""
    named = set(names)
    return frozenset(name for name, _ in leaves(graph) if any(each in named for each in (name, *_around(name))))


def trained_variables(
    graph: Graph, stays: Callable[[LayerSpec], bool]
) -> Iterator[tuple[str, LayerSpec, VariableSpec]]:
    """Each variable that changes with the gradient, once however many layers hold it, with the first of them.

    A layer for which `stays` holds does not train, whatever its flag says.
    """
    opened = with_ties_open(graph)
    shared = {layer.name for layer in opened.tied_layers}
    # what a frozen layer holds as well, none trains
    seen = {place for layer in opened.tied_layers if not layer.trainable for place in layer.tied}
    for name, layer in leaves(opened):
        if not layer.trainable or stays(layer):
            continue
        for variable in layer.weights:
            if not variable.trainable:
                continue
            if name in shared:
                place = layer.stored.at(variable)
                if place in seen:
                    continue
                seen.add(place)
            yield name, layer, variable


def depths(graph: Graph, counts: Callable[[LayerSpec], bool]) -> Mapping[str, int]:
    """For each leaf how many layers that count the longest way from it to an output still goes through.

    Branches side by side count alike, each by its own way. A layer that is called several times is as deep as its
    deepest call, and layers that hold one variable are as deep as the deepest of them.
    """
    opened = with_ties_open(graph)
    found: dict[str, int] = {}
    _descend(opened, "", 0, counts, found)
    for layer in opened.tied_layers:
        holders = [each.name for each in opened.tied_layers if each.tied & layer.tied and each.name in found]
        found |= dict.fromkeys(holders, max((found[each] for each in holders), default=0))
    return found


def _descend(graph: Graph, prefix: str, below: int, counts: Callable[[LayerSpec], bool], found: dict[str, int]) -> int:
    """Notes the depths in a graph behind which `below` layers still come, and returns that of what comes before it."""
    through: dict[str, int] = {}  # for each node the longest way from its inputs on
    for node in reversed([*graph.nodes]):
        layer = graph.layer_of(node)
        after = max((through[user] for user in graph.consumers[node]), default=below)
        if layer.inner is not None:
            through[node] = _descend(layer.inner, f"{prefix}{layer.name}/", after, counts, found)
            continue
        name = f"{prefix}{layer.name}"
        found[name] = max(found.get(name, 0), after)
        through[node] = after + counts(layer)
    return max(through.values(), default=below)


def _around(name: str) -> Iterator[str]:
    """The models around a layer, by its name."""
    parts = name.split("/")
    yield from ("/".join(parts[:at]) for at in range(1, len(parts)))
