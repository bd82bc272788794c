"""BatchNormalizations that go into layers beside them, one after another, on one graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from spec_compiler.adapters.folded import Folded, IntoBehind, IntoFront
from spec_compiler.edits.foldable import (
    CannotFold,
    Way,
    check_norm,
    check_way,
    class_reason,
    doing_in_training,
    passed,
    place,
    with_bias,
)
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.node import ValueRef
from spec_compiler.graph.same_arguments import arguments_of

_MOST = 50  # that one layer takes in: each computes with what the one before it makes


class Folding:
    """A graph while layers are folded: what the others become, and what flows on in place of those that are gone.

    The graph itself stays, so that each fold costs no more than its neighbours do.
    """

    def __init__(self, graph: Graph, origin: Origin) -> None:
        self._graph, self._origin = graph, origin
        self._layers: dict[str, LayerSpec] = dict(graph.layers)
        self._flows: dict[ValueRef, ValueRef] = {}  # what the folded put out -> what they took
        self._taken: Counter[str] = Counter()  # how many each layer has taken in
        self._tied = {layer.name for layer in graph.tied_layers}

    def result(self) -> Graph:
        """The graph after all that was folded."""
        edges = {edge: self._source(ref) for ref in self._flows for edge in self._graph.edges_from(ref)}
        drop = [ref.node for ref in self._flows]
        return replace(self._graph, layers=self._layers).spliced(self._origin, drop=drop, rewire=edges)

    def fold(self, norm: str, *, behind: bool) -> None:
        """Folds one into the layer in front of it, or into the one `behind`.

        Raises:
            CannotFold: it stays, with the reason.
        """
        layer, calls = self._layers[norm], self._graph.calls[norm]
        check_norm(layer)
        for call in calls:
            node = self._graph.nodes[call]
            if node.kwargs.get("training") or True in [each for each in node.args if isinstance(each, bool)]:
                raise CannotFold("it is called with `training: true`, and normalizes by the batch")
            takes, puts = (self._graph.spec_of(ref) for ref in (node.data_inputs[0], ValueRef(call)))
            # a layer behind casts floating numbers by itself
            is_cast = behind and takes is not None and "float" in takes.dtype
            if takes is not None and puts is not None and takes.dtype != puts.dtype and not is_cast:
                raise CannotFold(f"it makes {puts.dtype} of {takes.dtype}")
        ways = [self._behind(call) if behind else self._in_front(call) for call in calls]
        was = self._layers[self._graph.nodes[ways[0].call].layer]
        try:
            self._check(was, ways, calls, behind=behind)
        except CannotFold as error:
            ends = [f"`{calls[0]}`", self._named(ways[0].call)]
            raise CannotFold(error.reason, " → ".join(ends if behind else ends[::-1])) from None
        trained, by_channel = ways[0].trained, ways[0].by_channel
        adapter: Folded = IntoFront(self._origin, was, layer, trained)
        if behind:
            adapter = IntoBehind(self._origin, was, layer, trained, by_channel)
        changed_by = was.changed_by or self._origin
        self._layers[was.name] = replace(with_bias(was, behind=behind), adapter=adapter, changed_by=changed_by)
        self._flows |= {ValueRef(call): self._graph.nodes[call].data_inputs[0] for call in calls}

    def _check(self, holder: LayerSpec, ways: Sequence[Way], calls: Sequence[str], *, behind: bool) -> None:
        reason = class_reason(holder, behind=behind)
        if reason is not None:
            raise CannotFold(reason)
        what, ends = f"the {holder.class_name} {place(behind)}", [way.call for way in ways]
        if sorted(ends) != sorted(self._graph.calls[holder.name]):
            raise CannotFold(f"{what} is called elsewhere too")
        if len({replace(way, call="") for way in ways}) > 1:
            raise CannotFold(f"{what} is reached in different ways")
        if holder.name in self._tied:
            raise CannotFold(f"{what} shares its weights with another layer")
        check_way(holder, ways[0], behind=behind)
        if self._taken[holder.name] >= _MOST:
            raise CannotFold(f"{what} has taken in {_MOST} already")
        self._taken[holder.name] += 1

    def _source(self, ref: ValueRef) -> ValueRef:
        """The tensor, or what flows in its place by now."""
        while ref in self._flows:
            ref = self._flows[ref]
        return ref

    def _users(self, ref: ValueRef) -> Iterator[str | None]:
        """The calls that take a tensor by now, and None where it is an output."""
        for user, _ in self._graph.edges_from(ref):
            if user is not None and ValueRef(user) in self._flows:
                yield from self._users(ValueRef(user))
            else:
                yield user

    def _in_front(self, call: str) -> Way:
        """The way to the layer in front of a call.

        Raises:
            CannotFold: what flows on it goes elsewhere too.
        """
        trained: tuple[str, ...] = ()
        axis, last, user = self._axis(call), self._graph.nodes[call], call
        while True:
            ref = self._source(last.data_inputs[0])
            layer, taken = self._layers[self._graph.nodes[ref.node].layer], self._graph.nodes[ref.node].inputs
            rank = self._rank(taken[0]) if len(taken) == 1 else 0
            axes = [each for each in range(1, rank) if passed(layer, each, rank) == axis]
            if list(self._users(ref)) != [user]:
                reason = None if axes else class_reason(layer, behind=False)
                edge = f"{self._named(ref.node)} → `{user}`"
                raise CannotFold(reason or "what is in front of it goes elsewhere too", edge)
            if not axes:
                return Way(ref.node, self._rank(ref), axis, trained)
            axis, trained, last, user = (
                axes[-1],
                (*doing_in_training(layer), *trained),
                self._graph.nodes[ref.node],
                ref.node,
            )

    def _behind(self, call: str) -> Way:
        """The way to the layer behind a call.

        Raises:
            CannotFold: what flows on it goes several ways.
        """
        way = Way(call, self._rank(ValueRef(call)), self._axis(call))
        while True:
            users = list(self._users(ValueRef(way.call)))
            if users != users[:1] or users[0] is None:
                goes = "is put out by the model" if None in users else "goes several ways"
                to = " and ".join("the output" if each is None else self._named(each) for each in users[:3])
                raise CannotFold(f"what it puts out {goes}", f"{self._named(way.call)} → {to}")
            layer, node = self._layers[self._graph.nodes[users[0]].layer], self._graph.nodes[users[0]]
            onto = (
                way.onto(layer, users[0], len(node.outputs[0].shape))
                if len(node.inputs) == 1 and node.outputs
                else None
            )
            if onto is None:
                return replace(way, call=users[0])
            way = onto

    def _axis(self, call: str) -> int:
        axis = arguments_of(self._layers[self._graph.nodes[call].layer]).get("axis", -1)
        axis = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
        return int(axis) % max(self._rank(ValueRef(call)), 1)

    def _rank(self, ref: ValueRef) -> int:
        """The rank of a tensor; 0 of one that a new layer puts out, whose shape is not known yet."""
        spec = self._graph.spec_of(ref)
        return len(spec.shape) if spec is not None else 0

    def _named(self, call: str) -> str:
        return f"`{call}` ({self._graph.layer_of(call).class_name})"
