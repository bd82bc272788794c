"""A graph with its layers under other names: no field keeps an old one, but for what the base calls them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import ValueRef, map_references

if TYPE_CHECKING:
    from spec_compiler.graph.graph import Graph


def relabelled(graph: Graph, names: Mapping[str, str], calls: Mapping[str, str] | None = None) -> Graph:
    """As `Graph.relabelled` says."""

    def layer_name(old: str) -> str:
        return names.get(old, old)

    def call_name(call: str, layer: str) -> str:
        if calls and call in calls:
            return calls[call]
        is_numbered = call == layer or call.startswith(f"{layer}@")  # else the call has a name of its own
        return layer_name(layer) + call.removeprefix(layer) if is_numbered else call

    nodes = {name: call_name(name, node.layer) for name, node in graph.nodes.items()}

    def follow(ref: ValueRef) -> ValueRef:
        return ValueRef(nodes.get(ref.node, ref.node), ref.index)  # what sizes were read of may be gone

    def renamed(layer: LayerSpec) -> LayerSpec:
        return layer.called(names[layer.name]) if layer.name in names else layer

    inputs = graph.inputs
    if isinstance(inputs, Mapping):
        inputs = {nodes[key] if ref == ValueRef(key) else key: ref for key, ref in inputs.items()}
    return replace(
        graph,
        layers={layer_name(name): renamed(layer) for name, layer in graph.layers.items()},
        nodes={
            nodes[name]: replace(node.with_inputs(follow), name=nodes[name], layer=layer_name(node.layer))
            for name, node in graph.nodes.items()
        },
        inputs=map_references(inputs, follow),
        outputs=map_references(graph.outputs, follow),
        removed={
            call_name(name, name if name in names else name.partition("@")[0]): origin
            for name, origin in graph.removed.items()
        },
        positions=tuple(layer_name(name) for name in graph.positions),
        idle=frozenset(nodes[name] for name in graph.idle),
        left=tuple(each._replace(layer=layer_name(each.layer)) for each in graph.left),
        shaped=graph.shaped and graph.shaped.relabelled(names, calls),
        groups=tuple(each.relabelled(names) for each in graph.groups),
        coming=graph.coming and graph.coming._replace(layers=tuple(renamed(layer) for layer in graph.coming.layers)),
    )
