"""Several bases as one graph: the layers of each under its name, their inputs and outputs side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from spec_compiler.graph import Graph, LayerSpec, Node, ValueRef, map_references, references


def joined(graphs: Mapping[str, Graph]) -> Graph:
    """One graph of all, each layer called `base/layer`, in Keras `base_layer`. Nothing joins them yet."""
    layers: dict[str, LayerSpec] = {}
    nodes: dict[str, Node] = {}
    inputs: list[ValueRef] = []
    outputs: list[ValueRef] = []
    positions: list[str] = []
    for prefix, graph in graphs.items():

        def follow(ref: ValueRef, prefix: str = prefix) -> ValueRef:
            return ValueRef(f"{prefix}/{ref.node}", ref.index)

        for name, layer in graph.layers.items():
            layers[f"{prefix}/{name}"] = replace(
                layer,
                name=f"{prefix}/{name}",
                keras_name=f"{prefix}_{layer.keras_name or name}".replace("/", "_"),
                places=tuple((f"{prefix}/{place[0]}", place[1]) for place in layer.all_places() if place is not None),
            )
        for name, node in graph.nodes.items():
            moved = node.with_inputs(follow)
            nodes[f"{prefix}/{name}"] = replace(moved, name=f"{prefix}/{name}", layer=f"{prefix}/{node.layer}")
        inputs += references(map_references(graph.inputs, follow))
        outputs += references(map_references(graph.outputs, follow))
        positions += [f"{prefix}/{name}" for name in graph.positions]
    return Graph("_".join(graphs), layers, nodes, inputs, outputs, positions=tuple(positions))
