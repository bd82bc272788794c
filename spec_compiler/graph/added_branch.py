"""Which new layer is the last with weights of a branch that an `Add` joins to what flows into it: a residual branch."""

from __future__ import annotations

import re

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import Node
from spec_compiler.graph.value_ranges import keeps_zero

# Whose last weights may be zeros, so that they put out zeros.
_WEIGHTED = re.compile(
    r"Dense|EinsumDense|(Depthwise|Separable)?Conv\dD(Transpose)?|(Batch|Layer|Group|RMS)Normalization"
)
_ATTENTION = ("MultiHeadAttention", "GroupQueryAttention")


def has_zeros(layer: LayerSpec) -> bool:
    """Whether there are weights with which a layer of Keras puts out zeros."""
    return _WEIGHTED.fullmatch(layer.class_name) is not None or layer.class_name in _ATTENTION


def ends_added_branch(node: Node, graph: Graph) -> bool:
    """Whether zeros that a call puts out would leave of its branch what flows into it, and nothing else.

    They go to one new `Add` of two tensors, past nothing that makes other values of zeros; the other tensor is what the
    branch takes, and all between is new.
    """
    ends = {ref.node for ref in graph.output_refs}
    last = node
    while True:
        users = graph.consumers[last.name]
        if len(users) != 1 or last.name in ends:
            return False
        user = graph.nodes[users[0]]
        layer = graph.layers[user.layer]
        if not layer.is_new:
            return False
        if layer.class_name == "Add":
            break
        if not keeps_zero(layer):
            return False
        last = user
    beside = [ref for ref in user.data_inputs if ref.node != last.name]
    if len(user.data_inputs) != 2 or len(beside) != 1:
        return False
    behind = graph.ancestors([node.name])
    between = behind - graph.ancestors([beside[0].node])
    return beside[0].node in behind and all(graph.layer_of(name).is_new for name in between)
