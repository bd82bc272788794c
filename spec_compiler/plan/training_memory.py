"""How much memory of activations a training step needs, read off a graph: what is frozen in front needs little."""

from __future__ import annotations

from collections.abc import Collection

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.plan.costs import NOT_COMPUTED, Figure, activation_bytes, class_of, most_alive, peak_bytes, total


def training_bytes(graph: Graph) -> Figure:
    """The most bytes of activations alive at once in a training step for one example.

    What the backward pass may need stays: what layers put out and take in, from the first that trains on. Before it,
    each tensor goes after its last use, as in prediction. A size that the graph leaves open makes it None.

    >>> training_bytes(Graph("empty", {}, {}, (), ()))
    0
    """
    kept_bytes = _kept_bytes(graph, ())
    if kept_bytes is None:
        return None
    sizes, kept, passing = kept_bytes
    return max(most_alive(graph, sizes, kept), passing)


def _kept_bytes(graph: Graph, reached: Collection[str]) -> tuple[dict[str, int], set[str], int] | None:
    """The bytes of each node while it is alive, which nodes stay, and the most that passes inside a frozen model.

    `reached` are the inputs from which the gradient goes on outwards.
    """
    learning = _learning(graph, reached)
    sizes: dict[str, int] = {}
    passing = 0
    for name, size in activation_bytes(graph).items():
        inner = graph.layers[graph.nodes[name].layer].inner
        if size is None:
            return None
        if inner is not None and not any(ref.node in learning for ref in graph.nodes[name].inputs):
            nested = _nested(inner, trains=name in learning)
            if nested is None:
                return None
            size, most = nested
            passing = max(passing, most)
        sizes[name] = size
    kept = learning | {ref.node for name in learning for ref in graph.nodes[name].inputs}
    for name, node in reversed(list(graph.nodes.items())):  # what only hands its input on shares its memory
        layer = graph.layers[node.layer]
        if name in kept and layer.kind != "input" and class_of(layer) in NOT_COMPUTED:
            kept |= {ref.node for ref in node.inputs}
    return sizes, kept | {ref.node for ref in graph.output_refs}, passing


def _nested(inner: Graph, *, trains: bool) -> tuple[int, int] | None:
    """What a nested model that no gradient leaves keeps, and the most that is alive while it runs."""
    outputs = {ref.node for ref in inner.output_refs}
    kept_bytes = _kept_bytes(inner, ()) if trains else None
    sizes, kept = (activation_bytes(inner), outputs) if kept_bytes is None else kept_bytes[:2]
    most = training_bytes(inner) if trains else peak_bytes(inner)
    starts = {ref.node for ref in inner.input_refs}
    held = total({name: sizes[name] for name in kept - starts})
    return None if most is None or held is None else (held, most)


def _learning(graph: Graph, reached: Collection[str]) -> set[str]:
    """The nodes that the gradient reaches: those of layers that train, and all behind them."""
    learning = set(reached)
    for name, node in graph.nodes.items():
        if trains(graph.layers[node.layer]) or any(ref.node in learning for ref in node.inputs):
            learning.add(name)
    return learning


def trains(layer: LayerSpec) -> bool:
    """Whether training changes any weight of a layer; one whose variables are not known yet may have some."""
    if layer.inner is not None:
        return layer.trainable and any(trains(each) for each in layer.inner.layers.values())
    return layer.trainable and (layer.variables is None or any(each.trainable for each in layer.variables))
