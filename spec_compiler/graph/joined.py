"""Several bases as one graph: the layers of each under its name, their inputs and outputs side by side."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from spec_compiler.graph import Graph
from spec_compiler.graph.invariants import check_size
from spec_compiler.graph.keras_names import flat, with_keras_names
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import Node, ValueRef


def joined(graphs: Mapping[str, Graph], whole: Collection[str] = ()) -> Graph:
    """One graph of all, each layer called `base/layer`, in Keras `base_layer`. Nothing joins them yet.

    Of those in `whole` the one layer that the base is has the base's own name.

    Raises:
        SpecError: SC113 they have more layers than a spec may make.
    """
    # Before anything is made: a spec of specs may name a large model many times.
    check_size(sum(len(graph.layers) for graph in graphs.values()), ("bases",))
    layers: dict[str, LayerSpec] = {}
    nodes: dict[str, Node] = {}
    inputs: list[ValueRef] = []
    outputs: list[ValueRef] = []
    positions: list[str] = []
    for prefix, graph in graphs.items():
        own = prefix if prefix in whole else None
        moved = graph.relabelled({name: f"{prefix}/{name}" for name in graph.layers if name != own})
        for name, layer in moved.layers.items():
            stored = replace(layer.stored.below(prefix), places=None)  # joined bases keep variables under these names
            variables = layer.variables and tuple(each.below(prefix) for each in layer.variables)
            keras_name = flat(name) if "/" in name else None
            layers[name] = replace(layer, keras_name=keras_name, stored=stored, variables=variables)
        nodes |= moved.nodes
        inputs += moved.input_refs
        outputs += moved.output_refs
        positions += moved.positions
    return with_keras_names(Graph("_".join(graphs), layers, nodes, inputs, outputs, positions=tuple(positions)))
