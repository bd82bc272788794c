"""An application's graph at another size of its input, worked out from the one at the size that it has by default.

A constructor may choose other layers, or other arguments, at another size: `keras_facts/application_sizes` says where
it does not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Shape
from spec_compiler.graph.node import Node, TensorSpec
from spec_compiler.memory.shapes.worked_out import worked_out


def at_size(graph: Graph, size: Shape) -> Graph | None:
    """A graph with one input, at another size of that; None where a layer's shape is not plain to see."""
    nodes: dict[str, Node] = {}
    layers: dict[str, LayerSpec] = {}
    for name, node in graph.nodes.items():
        layer = graph.layers[node.layer]
        if layer.kind == "input":
            if nodes:
                return None
            shape = (None, *size)
            layer = layer.with_arguments({**layer.arguments, "batch_shape": shape})
            outputs: tuple[TensorSpec, ...] = (replace(node.outputs[0], shape=shape),)
        else:
            found = worked_out(node, layer, nodes, {})
            if found is None or tuple(_held(found[1])) != tuple(_held(layer)):
                return None
            outputs = found[0]
        nodes[name] = replace(node, outputs=outputs)
        layers[node.layer] = layer
    # MobileNet and MobileNetV2 have the size in their names.
    own = graph.name.removesuffix("_None") + f"_{size[0]}" if graph.name.endswith("_None") else graph.name
    return replace(graph, name=own, nodes=nodes, layers={name: layers[name] for name in graph.layers})


def _held(layer: LayerSpec) -> Any:
    return ((each.path, each.shape, each.dtype, each.trainable) for each in layer.variables or ())
