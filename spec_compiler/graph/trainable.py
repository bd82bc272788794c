"""What trains and what does not, at every depth: flags are set inside of nested models, which stay closed.

`outer/inner` names a layer inside of the nested model `outer`. As in Keras all inside of a frozen model is frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, VariableSpec
from spec_compiler.graph.low_rank import held
from spec_compiler.graph.opened import open_model


def with_frozen(graph: Graph, names: Collection[str]) -> Graph:
    """The graph with these layers frozen, the others as they were."""
    layers = dict(graph.layers)
    for name, layer in graph.layers.items():
        if not layer.trainable:
            continue
        if name in names:
            layers[name] = replace(layer, trainable=False)
        elif layer.inner is not None and (inside := _inside(names, name)):
            layers[name] = replace(layer, inner=with_frozen(layer.inner, inside))
    return replace(graph, layers=layers)


def with_thawed(graph: Graph, names: Collection[str], stays: Callable[[LayerSpec], bool]) -> Graph:
    """The graph with these layers trainable and all inside of them, less what `stays`; the others as they were."""
    layers = dict(graph.layers)
    for name, layer in graph.layers.items():
        inside = layer.inner and (layer.inner.layers.keys() if name in names else _inside(names, name))
        if layer.inner is not None and inside:
            # a model that trains again would let all inside of it train
            was = layer.inner if layer.trainable else with_frozen(layer.inner, _that_can_train(layer.inner))
            inner = with_thawed(was, inside, stays)
            layers[name] = replace(layer, trainable=True, inner=inner) if inner != was else layer
        elif name in names and not stays(layer):
            layers[name] = replace(layer, trainable=True)
    return replace(graph, layers=layers)


def _inside(names: Iterable[str], model: str) -> frozenset[str]:
    """Those of the names that lead into a nested model, as they are called there."""
    return frozenset(name.removeprefix(f"{model}/") for name in names if name.startswith(f"{model}/"))


def _that_can_train(graph: Graph) -> frozenset[str]:
    return frozenset(name for name, layer in graph.layers.items() if layer.can_train)


def layer_at(graph: Graph, name: str) -> LayerSpec:
    """A layer, `outer/inner` of a nested model, which is frozen where a model around it is."""
    if name in graph.layers:
        return graph.layers[name]
    model = next(each for each in graph.layers.values() if each.inner and name.startswith(f"{each.name}/"))
    assert model.inner is not None
    layer = layer_at(model.inner, name.removeprefix(f"{model.name}/"))
    return layer if model.trainable else replace(layer, trainable=False)


def flags(graph: Graph) -> dict[str, bool]:
    """Whether each layer that has weights, or is not built yet, can train: those in nested models in their place."""
    said: dict[str, bool] = {}
    for name, layer in graph.layers.items():
        if layer.inner is not None:
            inside = flags(layer.inner)
            said |= {f"{name}/{below}": layer.trainable and each for below, each in inside.items()}
        elif layer.can_train and (layer.variables is None or layer.weights):
            said[name] = layer.trainable
    return said


def with_ties_open(graph: Graph) -> Graph:
    """The graph with those nested models open that hold a variable of another layer: each holder is a layer there."""
    while names := [layer.name for layer in graph.tied_layers if layer.inner is not None]:
        graph = open_model(graph, names[0])
    return graph


def num_frozen(graph: Graph) -> int:
    """How many parameters training leaves alone as their layer is frozen, or LoRA holds them; each variable once."""
    graph = with_ties_open(graph)
    tied = {layer.name: layer for layer in graph.tied_layers}
    frozen = {layer.stored.at(each): each.num_elements for layer in tied.values() for each in _frozen(layer)}
    others = (layer for name, layer in graph.layers.items() if name not in tied)
    return sum(frozen.values()) + sum(map(_num_frozen, others))


def _num_frozen(layer: LayerSpec) -> int:
    if layer.inner is not None and layer.trainable:
        return sum(map(_num_frozen, layer.inner.layers.values()))
    return sum(each.num_elements for each in _frozen(layer))


def _frozen(layer: LayerSpec) -> tuple[VariableSpec, ...]:
    return tuple(held(layer)) if layer.trainable else layer.weights
