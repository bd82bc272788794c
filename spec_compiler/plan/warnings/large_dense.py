"""SC404: a new Dense that takes all that a Flatten puts out, and so has most of the model's parameters."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.graph import Graph
from spec_compiler.graph.channels import channel_axis
from spec_compiler.graph.node import Node, TensorSpec
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec

LARGE_DENSE = 50_000_000  # parameters: 200 MB in float32, and with Adam's two moments three times as much in training


def large_dense(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """One warning for each call of such a Dense, at its class."""
    graph = plan.after
    for name, node in graph.nodes.items():
        layer = graph.layers[node.layer]
        if not layer.is_new or layer.class_name != "Dense" or layer.num_parameters <= LARGE_DENSE:
            continue
        flatten = _flatten_under(graph, node)
        if flatten is None:
            continue
        flattened = graph.spec_of(graph.nodes[flatten].data_inputs[0])
        flatten_name = graph.nodes[flatten].layer
        notes = (f"`{flatten_name}` flattens {flattened.shape} into {_num(flattened)} numbers",) if flattened else ()
        units = layer.arguments.get("units")
        yield Diagnostic(
            "SC404",
            f"`{name}` has {layer.num_parameters:,} parameters, as it takes all that `{flatten_name}` flattens",
            (*layer.origin.path, layer.class_name),
            at_key=True,
            notes=notes,
            help=_pool(graph, flatten, flattened, units if isinstance(units, int) else None),
        )


def _flatten_under(graph: Graph, node: Node) -> str | None:
    """The first call of the Flatten that a Dense takes, a Dropout between them or not."""
    while node.data_inputs:
        layer = graph.layer_of(node.data_inputs[0].node)
        call = graph.calls[layer.name][0]  # the first stands for all: the Dense behind them takes one size
        if layer.class_name == "Flatten":
            return call
        if layer.class_name != "Dropout":
            return None
        node = graph.nodes[call]
    return None


def _pool(graph: Graph, flatten: str, flattened: TensorSpec | None, units: int | None) -> str:
    """What to write instead: pooling leaves one number a channel, which the Dense has `units` weights for."""
    rank = len(flattened.shape) - 2 if flattened is not None else 2
    pooling = f"GlobalAveragePooling{rank}D" if 1 <= rank <= 3 else "global pooling"
    help = f"write `{pooling}` in place of `Flatten`"
    channels = flattened.shape[channel_axis(graph, flatten)] if flattened is not None else None
    return f"{help}: {channels * units + units:,} parameters" if channels and units else help


def _num(tensor: TensorSpec) -> str:
    """How many numbers a tensor has for each example; axes of any size count as one."""
    return f"{prod(size or 1 for size in tensor.shape[1:]):,}"
