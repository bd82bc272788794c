"""Which axis of a tensor holds its channels: as the layers around it say, else as Keras is set."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Shape
from spec_compiler.keras_facts.settings import image_data_format

FORMATS = ("channels_first", "channels_last")
MOVES = ("Permute", "Reshape", "Flatten", "Transpose", "Moveaxis", "Swapaxes")  # behind these other axes are meant


def channel_axis(graph: Graph, node: str) -> int:
    """The axis of the channels in what a node puts out: 1 or -1.

    The nearest layer behind the node that says so counts, else the nearest before it, else Keras's settings.
    """
    rank = len(graph.nodes[node].outputs[0].shape) if graph.nodes[node].outputs else None
    if rank is not None and rank < 3:
        return -1
    said = next(_behind(graph, node), None) or next(_before(graph, node), None)
    return 1 if (said or image_data_format()) == "channels_first" else -1


def _behind(graph: Graph, node: str) -> Iterator[str]:
    reached = {node}
    for name, each in graph.nodes.items():
        if any(ref.node in reached for ref in each.inputs):
            yield from _said(graph.layers[each.layer])
            if graph.layers[each.layer].class_name not in MOVES:
                reached.add(name)


def _before(graph: Graph, node: str) -> Iterator[str]:
    reached = {node}
    for name in reversed(list(graph.nodes)):
        if name in reached:
            layer = graph.layer_of(name)
            yield from _said(layer)
            if layer.class_name not in MOVES:
                reached |= {ref.node for ref in graph.nodes[name].inputs}


def _said(layer: LayerSpec) -> Iterator[str]:
    """The data format that a layer has in its config, or those of the layers inside of a nested model."""
    said = layer.arguments.get("data_format")
    if said in FORMATS:
        yield said
    for each in layer.inner.layers.values() if layer.inner is not None else ():
        yield from _said(each)


def is_wider(got: Shape, wanted: Shape, axis: int) -> bool:
    """Whether two shapes differ in the axis of the channels alone."""
    if len(got) != len(wanted) or got[axis] == wanted[axis]:
        return False
    at = axis % len(got)
    return all(one == other for index, (one, other) in enumerate(zip(got, wanted, strict=True)) if index != at)
