"""Which axis of a tensor holds its channels: as the layers around it say, else as Keras is set."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Shape
from spec_compiler.keras_facts.settings import image_data_format

_FORMATS = ("channels_first", "channels_last")
_MOVES = ("Permute", "Reshape", "Flatten", "Transpose", "Moveaxis", "Swapaxes")  # behind these other axes are meant


def channel_axis(graph: Graph, node: str, before_first: bool = False) -> int:
    """The axis of the channels in what a node puts out: 1 or -1.

    The nearest layer behind the node that says so counts, else the nearest before it, else Keras's settings; with
    `before_first` those before it count first.
    """
    outputs = graph.nodes[node].outputs
    if outputs and len(outputs[0].shape) < 3:
        return -1
    # What takes the tensor decides how it is read: a layer before it may have moved the axes on purpose.
    sides = (_before, _behind) if before_first else (_behind, _before)
    said = (next(side(graph, node), None) for side in sides)
    data_format = next(filter(None, said), None) or image_data_format()
    return 1 if data_format == "channels_first" else -1


def _behind(graph: Graph, node: str) -> Iterator[str]:
    reached = {node}
    for name, call in graph.nodes.items():
        if any(ref.node in reached for ref in call.inputs):
            layer = graph.layers[call.layer]
            yield from _said(layer)
            if layer.class_name not in _MOVES:
                reached.add(name)


def _before(graph: Graph, node: str) -> Iterator[str]:
    reached = {node}
    for name in reversed(list(graph.nodes)):
        if name in reached:
            layer = graph.layer_of(name)
            yield from _said(layer)
            if layer.class_name not in _MOVES:
                reached |= {ref.node for ref in graph.nodes[name].inputs}


def _said(layer: LayerSpec) -> Iterator[str]:
    """The data format that a layer has in its config, or those of the layers inside of a nested model."""
    data_format = layer.arguments.get("data_format")
    if data_format in _FORMATS:  # a config may hold None: it then follows Keras's own settings
        yield data_format
    for inside in layer.inner.layers.values() if layer.inner is not None else ():
        yield from _said(inside)


def is_wider(got: Shape, wanted: Shape, axis: int) -> bool:
    """Whether two shapes differ in the axis of the channels alone."""
    differing = [at for at, (one, other) in enumerate(zip(got, wanted, strict=False)) if one != other]
    return len(got) == len(wanted) and differing == [axis % len(got)]
