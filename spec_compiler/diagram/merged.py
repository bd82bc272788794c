"""Before and after as one graph: every node of either once, and what happens to it and to the connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal, get_args

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Shape
from spec_compiler.graph.node import Node
from spec_compiler.plan import Change, Plan

State = Literal["kept", "toggled", "changed", "new", "dropped"]  # toggled: frozen or unfrozen, and nothing else
ArrowState = Literal["kept", "changed", "new", "dropped"]  # changed: carries another shape
STATES: tuple[State, ...] = get_args(State)
ARROW_STATES: tuple[ArrowState, ...] = get_args(ArrowState)

Detail = tuple[str, Any, Any]
Carried = tuple[Shape | None, ...]  # the shapes of the tensors on a connection, None where they are not inferred


@dataclass(frozen=True)
class Call:
    """A node with its layer. It is number `index` (from 0) of the `count` calls of that layer."""

    node: Node
    layer: LayerSpec
    index: int = 0
    count: int = 1
    is_output: bool = False

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of its outputs; empty where they are not inferred."""
        return tuple(spec.shape for spec in self.node.outputs)


@dataclass(frozen=True)
class Entry:
    """A call in the graph before (None for a new one), in the graph after (None for a dropped one) or in both.

    `details` is what differs, as `(what, before, after)`; freezing is not among it.
    """

    key: str
    state: State
    before: Call | None
    after: Call | None
    details: tuple[Detail, ...] = ()

    @property
    def calls(self) -> tuple[Call, ...]:
        """The call as it was and as it will be, one of them for what is new or dropped."""
        return tuple(call for call in (self.before, self.after) if call)

    @property
    def freezing(self) -> tuple[bool | None, bool | None] | None:
        """Whether the layer is trainable before and after, None where there is no such layer; None without weights."""
        sides = [call.layer.trainable if call else None for call in (self.before, self.after)]
        # `base.trainable = False` marks every layer in Keras, also those where there is nothing to freeze.
        has_weights = any(call.layer.num_parameters for call in self.calls)
        return (sides[0], sides[1]) if has_weights else None

    @property
    def changes_itself(self) -> bool:
        """Whether more than its shape or size changed: its arguments, not only what it is fed with."""
        # Both follow from what a layer is fed with, so that one changed size upstream would change every box after it.
        return any(what not in ("output shape", "parameters") for what, _, _ in self.details)


@dataclass(frozen=True)
class Merged:
    """The nodes of both graphs by key, and the connections between them by the keys of their ends."""

    entries: Mapping[str, Entry]
    arrows: Mapping[tuple[str, str], ArrowState]

    def topological(self) -> tuple[str, ...] | None:
        """The keys in a topological order; None where before and after contradict each other, which no edit does."""
        # All keys first, as the sorter knows nothing of nodes without connections.
        sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(self.entries, ()))
        for source, target in self.arrows:
            sorter.add(target, source)
        try:
            return tuple(sorter.static_order())
        except CycleError:
            return None


def merge(plan: Plan) -> Merged:
    """The two graphs of a plan as one. A node is in both if its name is and its layer was kept."""
    changes = {change.name: change for change in plan.changes if change.before and change.after}
    before = plan.before.relabelled(plan.renamed)
    before = before.relabelled({}, _same_calls(before, plan.after, {change.name for change in changes.values()}))
    # A name alone is not enough: a spec may drop a layer and give its name to a new one.
    both = {
        name
        for name, node in before.nodes.items()
        if name in plan.after.nodes and plan.after.nodes[name].layer == node.layer and node.layer in changes
    }
    wrapped = {layer.wrapped.name for layer in plan.after.layers.values() if layer.wrapped is not None}
    # Nodes are found by the names that they have after, but a box of the base shows the name that it has there.
    old_calls = dict(zip(_calls(before), _calls(plan.before).values(), strict=True))
    new_calls = _calls(plan.after)
    entries: dict[str, Entry] = {}
    before_keys: dict[str, str] = {}
    for side, name in _interleaved(before, plan.after, both):
        if name in both:
            entries[name] = _kept(name, old_calls[name], new_calls[name], changes[before.nodes[name].layer])
            before_keys[name] = name
        elif side == "after":
            layer = plan.after.nodes[name].layer
            # one more call of a kept layer is no new layer: its weights are there
            state: State = "kept" if layer in changes and layer in before.calls else "new"
            entries[name] = Entry(name, state, None, new_calls[name])
        else:
            key = name
            while key in plan.after.nodes or key in entries:
                key += " (before)"
            # what a new layer wraps is kept inside of that
            gone: State = "kept" if before.nodes[name].layer in wrapped else "dropped"
            entries[key] = Entry(key, gone, old_calls[name], None)
            before_keys[name] = key
    old = {(before_keys[source], before_keys[target]): shapes for source, target, shapes in _connections(before)}
    new = {(source, target): shapes for source, target, shapes in _connections(plan.after)}
    return Merged(entries, {ends: _arrow(old.get(ends), new.get(ends)) for ends in {**old, **new}})


def _same_calls(before: Graph, after: Graph, kept: set[str]) -> dict[str, str]:
    """For the calls of kept layers that have another name after, that name: a layer called once more counts them."""
    names: dict[str, str] = {}
    for layer in kept:
        old = [name for name in before.calls.get(layer, ()) if name not in after.nodes]
        new = [name for name in after.calls.get(layer, ()) if name not in before.nodes]
        names.update(zip(old, new, strict=False))
    return names


def _calls(graph: Graph) -> dict[str, Call]:
    outputs = {ref.node for ref in graph.output_refs}
    return {
        name: Call(graph.nodes[name], graph.layers[layer], index, len(calls), name in outputs)
        for layer, calls in graph.calls.items()
        for index, name in enumerate(calls)
    }


def _interleaved(before: Graph, after: Graph, both: set[str]) -> Iterator[tuple[Literal["before", "after"], str]]:
    """Every node once, in the order of its graph; dropped nodes stand before the new ones that take their place."""
    # Every format follows this order: Graphviz and Mermaid put what is named first to the left, trees go down it.
    rest = list(after.nodes)
    for name in before.nodes:
        if name not in both:
            yield "before", name
        elif name in rest:
            upto = rest.index(name) + 1
            yield from (("after", each) for each in rest[:upto])
            rest = rest[upto:]
    yield from (("after", each) for each in rest)


def _connections(graph: Graph) -> Iterator[tuple[str, str, Carried]]:
    """Each pair of nodes that a tensor connects, with the shapes of what flows."""
    for node in graph.nodes.values():
        shapes: dict[str, list[Shape | None]] = {}
        for ref in node.inputs:
            spec = graph.spec_of(ref)
            shapes.setdefault(ref.node, []).append(spec.shape if spec else None)
        for source, flowing in shapes.items():
            yield source, node.name, tuple(flowing)


def _arrow(old: Carried | None, new: Carried | None) -> ArrowState:
    if old is None:
        return "new"
    if new is None:
        return "dropped"
    # Shapes that only Keras could infer are no change that the spec made.
    unknown = None in old or None in new
    return "kept" if unknown or old == new else "changed"


def _kept(key: str, before: Call, after: Call, change: Change) -> Entry:
    # Shapes are compared call by call, where a plan's change has those of all calls of a layer.
    details: list[Detail] = []
    if before.shapes and after.shapes and before.shapes != after.shapes:
        details.append(("output shape", before.shapes, after.shapes))
    old, new = before.layer, after.layer
    if old.variables is not None and new.variables is not None and old.num_parameters != new.num_parameters:
        details.append(("parameters", old.num_parameters, new.num_parameters))
    own = [detail for detail in change.details if detail[0] not in ("output shape", "trainable")]
    details += sorted(own, key=lambda detail: detail[0])
    state: State = "changed" if details else "kept"
    if not details and old.trainable != new.trainable and new.num_parameters:
        state = "toggled"
    return Entry(key, state, before, after, tuple(details))
