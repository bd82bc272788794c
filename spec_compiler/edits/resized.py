"""`input.shape` of an application: its layers with the arguments that Keras's constructor gives them at that size.

Keras chooses paddings by whether a size is even (`imagenet_utils.correct_pad`), NASNet whole layers.
"""

from __future__ import annotations

from dataclasses import replace

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Origin


def as_constructed(graph: Graph, constructed: Graph, path: Path) -> Graph:
    """The graph with the arguments of what the constructor makes at the size that the `input` at a path says.

    Layers with other weights stay, and are told where these do not fit.

    Raises:
        SpecError: SC406 where the constructor makes other layers.
    """
    # Other channels change what weights fit, which is told by itself; a test compares all applications at two sizes.
    if _structure(graph) != _structure(constructed) and _channels(graph) == _channels(constructed):
        message = f"Keras builds `{graph.name}` from other layers at this size"
        help = "write the shape as `input_shape` into `base`, and leave it out here"
        raise SpecError.single("SC406", message, path=(*path, "shape"), help=help)
    origin = Origin("input", (*path, "shape"))
    layers = {name: _resized(layer, constructed.layers.get(name), origin) for name, layer in graph.layers.items()}
    return replace(graph, layers=layers)


def _channels(graph: Graph) -> list[int | None]:
    """The last axis of each input; of a graph on another input still that of the base."""
    return [spec.shape[-1] for ref in graph.input_refs if (spec := graph.spec_of(ref)) is not None]


def _structure(graph: Graph) -> list[object]:
    """The layers and what each call takes, the inputs aside, whose names an edit may have changed."""
    inputs = {ref.node for ref in graph.input_refs}
    return [
        (name, node.layer, [None if ref.node in inputs else ref for ref in node.inputs])
        for name, node in graph.nodes.items()
        if name not in inputs
    ]


def _resized(layer: LayerSpec, other: LayerSpec | None, origin: Origin) -> LayerSpec:
    """The layer with the arguments of the other. A nested model is left alone: called on another size it refuses."""
    if other is None or layer.kind != "layer" or layer.config == other.config or layer.variables != other.variables:
        return layer
    return replace(layer, config=other.config, changed_by=origin)
