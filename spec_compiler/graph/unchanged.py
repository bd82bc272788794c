"""Which tensors of a result no edit can have changed."""

from __future__ import annotations

from collections.abc import Mapping

from spec_compiler.graph import Graph
from spec_compiler.graph.node import ValueRef


def moved_inputs(before: Graph, after: Graph) -> dict[str, str]:
    """For each input of the result that the base has under another name, that name: `input: {name: …}`."""
    old, new = before.input_refs, after.input_refs
    if len(old) != len(new):
        return {}
    pairs = zip(new, old, strict=True)
    return {ref.node: was.node for ref, was in pairs if ref.node not in before.nodes and was.node not in after.nodes}


def unchanged_nodes(before: Graph, after: Graph, moved: Mapping[str, str]) -> tuple[str, ...]:
    """The calls of the result that a base has as well, with nothing before them that an edit touched; in order.

    Freezing changes no output at inference. `moved` are the inputs under their old names.
    """
    unchanged: dict[str, None] = {}

    def as_before(ref: ValueRef) -> ValueRef:
        return ValueRef(moved.get(ref.node, ref.node), ref.index)

    for name, node in after.nodes.items():
        was = before.nodes.get(moved.get(name, name))
        if was is None:
            continue
        if not node.inputs:
            same = node.outputs == was.outputs
        elif after.layers[node.layer].cause is not None:
            same = False
        else:
            # Node by node, as a whole: one call that takes another tensor changes all behind it, whatever their names.
            same = all(ref.node in unchanged for ref in node.inputs)
            now = node.with_inputs(as_before)
            same = same and was.layer == node.layer and now.args == was.args and dict(now.kwargs) == dict(was.kwargs)
        if same:
            unchanged[name] = None
    return tuple(unchanged)


def frontier(graph: Graph, nodes: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the nodes whose tensors something else takes, or the model puts out: the last ones before the edits."""
    chosen = set(nodes)
    ends = {ref.node for ref in graph.output_refs}
    return tuple(name for name in nodes if name in ends or any(user not in chosen for user in graph.consumers[name]))
