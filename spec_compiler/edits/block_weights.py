"""`weights: identity` beside a block: the layers that end its residual branches, which are to add zeros.

A block is the identity where all that it does beside handing on what flows in is added to that.
"""

from __future__ import annotations

from collections.abc import Sequence

from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.added_branch import ends_added_branch, has_zeros
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.graph.value_ranges import hands_on, keeps_zero, value_range
from spec_compiler.language.adapted import NewWeights

IDENTITY = "identity"


def branch_ends(
    weights: NewWeights, block: str, nodes: Sequence[Node], flowed_in: ValueRef | None, end: ValueRef, graph: Graph
) -> list[str]:
    """The names of the layers whose zeros make a block the identity; `graph` has the block's calls, and no more.

    Raises:
        SpecError: SC407 for a block that cannot be it, or another strategy, which is of one layer.
    """
    if weights.strategy != IDENTITY or weights.of is not None:
        says = "{of: …}" if weights.of is not None else weights.strategy
        message = f"`weights: {says}` makes the values of one layer, `{block}` is a block"
        raise SpecError.single("SC407", message, help="write it beside a layer of the block")
    own = {node.name for node in nodes}
    found: list[str] = []
    behind: list[str] = []
    while end != flowed_in:
        layer = graph.layer_of(end.node)
        taken = list(dict.fromkeys(graph.nodes[end.node].data_inputs))
        if end.node not in own:
            raise _no_residual(block)
        if layer.class_name == "Add" and len(taken) == 2:
            last = [_last_weighted(ref.node, graph) for ref in taken]
            added = next((index for index, name in enumerate(last) if name in own), None)
            if added is None:
                raise _no_residual(block, end.node)
            found.append(graph.layer_of(str(last[added])).name)
            end = taken[1 - added]
        elif len(taken) == 1:
            behind.append(end.node)
            end = taken[0]
        else:
            raise _no_residual(block, end.node)
    values = value_range(graph, end)
    changes = next((name for name in reversed(behind) if not hands_on(graph.layer_of(name), values)), None)
    if changes is not None or not found:
        raise _no_residual(block, changes)
    return found


def _last_weighted(node: str, graph: Graph) -> str | None:
    """The call before a node, or itself, whose zeros an `Add` behind it adds to what its branch takes."""
    while keeps_zero(graph.layer_of(node)) and len(graph.nodes[node].data_inputs) == 1:
        node = graph.nodes[node].data_inputs[0].node
    is_end = has_zeros(graph.layer_of(node)) and ends_added_branch(graph.nodes[node], graph)
    return node if is_end else None


def _no_residual(block: str, node: str | None = None) -> SpecError:
    what = "it adds nothing to what flows in" if node is None else f"`{node}` does not hand on what flows in"
    help = "write it beside a layer of the block, or let the block end in `{Add: {}, from: [in, above]}`"
    return SpecError.single("SC407", f"`weights: identity` does not fit the block `{block}`: {what}", help=help)
