"""What stands inside of a nested model: its graphs before and after as one, and where outer connections lead to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from spec_compiler.diagram.merged import Call, Entry, Merged, merge
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.graph.node import Node
from spec_compiler.plan import Plan

SMALL_INSIDE = 12  # nodes; a larger model is one fold

NOTHING = Graph("nothing", {}, {}, (), ())
NEW_CALL = Origin("insert")  # of the layers inside; to a plan, a layer without a counterpart is new


@dataclass(frozen=True)
class Inside:
    """The nodes of a nested model, less its inputs, and the connections between them, by the names of its nodes."""

    graph: Graph
    merged: Merged

    def folds(self) -> tuple[tuple[str, ...], ...]:
        """All of them as one run, if they are many."""
        names = tuple(self.merged.entries)
        return (names,) if len(names) > SMALL_INSIDE else ()

    def takers(self, node: Node, source: str) -> Sequence[str]:
        """The inner nodes that take what a call of the model takes from the outer node `source`."""
        ports = self.graph.input_refs
        fed = [port for port, ref in zip(ports, node.data_inputs, strict=False) if ref.node == source]
        return self.graph.in_order(user for port in fed or ports for user in self.graph.consumers[port.node])

    def givers(self, node: Node, consumer: Node) -> Sequence[str]:
        """The inner nodes that put out what an outer node takes from a call of the model."""
        makers = [self.graph.output_refs[ref.index].node for ref in consumer.inputs if ref.node == node.name]
        return list(dict.fromkeys(makers))


def inside(entry: Entry) -> Inside | None:
    """What a call of a nested model holds; None for any other layer, and where the model does not fit its call."""
    calls = entry.calls
    graphs = [call.layer.inner for call in calls if call.layer.inner is not None and _fits(call, call.layer.inner)]
    # An edit inside of a model opens it, so that it is no nested model any more: one that stays has the nodes it had.
    if len(graphs) < len(calls) or any(list(graph.nodes) != list(graphs[0].nodes) for graph in graphs):
        return None
    after = _graph(entry.after, is_new=entry.state == "new")
    before = after if entry.before is None and entry.state == "kept" else _graph(entry.before)  # one more call
    if entry.after is None and entry.state == "kept":  # wrapped by a new layer
        after = before
    merged = merge(Plan(entry.key, before, after))
    inputs = {ref.node for ref in graphs[-1].input_refs}
    entries = {key: inner for key, inner in merged.entries.items() if key not in inputs}
    arrows = {ends: state for ends, state in merged.arrows.items() if not inputs & set(ends)}
    return Inside(graphs[-1], Merged(entries, arrows))


def _fits(call: Call, graph: Graph) -> bool:
    """Whether each tensor that goes in is taken by an inner node, and each that comes out is made by one."""
    # Inputs inside are not drawn: an arrow through one that nobody takes, or that is put out as it is, ends nowhere.
    inputs = {ref.node for ref in graph.input_refs}
    return (
        len(call.node.data_inputs) == len(graph.input_refs)
        and len(call.node.outputs) in (0, len(graph.output_refs))
        and all(graph.consumers[name] for name in inputs)
        and bool(graph.output_refs)
        and not any(ref.node in inputs for ref in graph.output_refs)
    )


def _graph(call: Call | None, *, is_new: bool = False) -> Graph:
    """The inner graph as a call has it: Keras hands a model's `trainable` on to its layers when it is set."""
    if call is None or call.layer.inner is None:
        return NOTHING
    graph, trainable = call.layer.inner, call.layer.trainable
    # `Layer.trainable` sets that of all layers inside, in keras/src/layers/layer.py.
    layers = {
        name: replace(each, trainable=trainable and each.trainable, origin=NEW_CALL if is_new else each.origin)
        for name, each in graph.layers.items()
    }
    return replace(graph, layers=layers)
