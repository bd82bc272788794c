"""Which tensors of a result no edit can have changed."""

from __future__ import annotations

from spec_compiler.graph import Graph


def unchanged_nodes(before: Graph, after: Graph) -> tuple[str, ...]:
    """The calls of the result that a base has as well, with nothing before them that an edit touched; in order.

    Freezing changes no output at inference. The base is under the names of the result.
    """
    unchanged: dict[str, None] = {}
    for name, node in after.nodes.items():
        was = before.nodes.get(name)
        if was is None:
            continue
        if not node.inputs:
            same = node.outputs == was.outputs
        elif not after.layers[node.layer].computes_as_in_base or after.layers[node.layer].adapter is not None:
            same = False
        else:
            # Node by node, as a whole: one call that takes another tensor changes all behind it, whatever their names.
            same = all(ref.node in unchanged for ref in node.inputs)
            same = same and was.layer == node.layer and node.args == was.args and dict(node.kwargs) == dict(was.kwargs)
        if same:
            unchanged[name] = None
    return tuple(unchanged)


def frontier(graph: Graph, nodes: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the nodes whose tensors something else takes, or the model puts out: the last ones before the edits."""
    chosen = set(nodes)
    ends = {ref.node for ref in graph.output_refs}
    return tuple(name for name in nodes if name in ends or any(user not in chosen for user in graph.consumers[name]))
