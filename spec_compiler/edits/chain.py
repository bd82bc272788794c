"""New layers as a graph of their own: what `replace`, `insert` and `head` put into a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.edits.new_names import NOTHING, Match
from spec_compiler.edits.scope import Made, Scope
from spec_compiler.edits.wiring import Walk
from spec_compiler.graph import Graph
from spec_compiler.graph.invariants import check_size
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.language.entries import LayerEntry


class Chain(NamedTuple):
    """New calls, the tensors that the last one puts out, and what they take of the graph, each with its place."""

    nodes: tuple[Node, ...]
    ends: tuple[ValueRef, ...]
    takes: tuple[tuple[ValueRef, Path], ...]

    @property
    def exit(self) -> ValueRef:
        """The one tensor of the end, of a chain that `add` was to end in one."""
        return self.ends[0]


class Chains:
    """Makes the chains of one edit: their layers once for each matched layer, their calls once for each of its calls.

    A replacement of a layer that is called twice so stays one layer that is called twice. `path` leads from the edit
    to its list of entries; the rest is as `Made` has it.
    """

    def __init__(
        self,
        graph: Graph,
        entries: Sequence[LayerEntry],
        origin: Origin,
        path: Path,
        free: Collection[str] = (),
        several: bool = False,
    ) -> None:
        self._entries, self._path = entries, path
        self._made = Made(graph, origin, free, several)

    @property
    def layers(self) -> Mapping[str, LayerSpec]:
        """Every layer made so far, by name."""
        return self._made.layers

    def in_order(self, graph: Graph) -> Graph:
        """The edited graph, its calls in order and counted: an entry may take or call what stands elsewhere."""
        reaches_out = any(entry.takes or entry.layer or entry.block for entry in self._entries)
        return graph.numbered_calls().sorted() if reaches_out else graph  # each of them walks the whole graph

    def add(self, takes: Sequence[ValueRef] | None, match: Match = NOTHING, instead_of: Node | None = None) -> Chain:
        """The calls of a chain, the first on `takes` (on a list where there are several), each next on the one before.

        `takes` is None for the model's one output, where the end may be several tensors as well. `instead_of` is the
        call whose arguments the first one keeps.

        Raises:
            SpecError: SC204 a name that another layer has, SC205 `{name}` without a layer that it could stand for,
                SC401 several tensors for a layer that takes one, SC113 more layers or a longer name than may be, and
                what `from` and `layer` name wrongly.
        """
        num_layers = len(self._made.graph.layers) + len(self.layers) + len(self._entries)
        check_size(num_layers, num_base_layers=len(self._made.graph.positions))
        walk = Walk(self._made, match, instead_of=instead_of)
        ends = walk.entries(self._entries, self._path, Scope(None if takes is None else tuple(takes)))
        if takes is not None and len(ends) > 1:
            walk.refuse_several(ends, (*self._path, len(self._entries) - 1))
        self._made.nodes.update((node.name, node) for node in walk.nodes)
        return Chain(tuple(walk.nodes), ends, tuple(walk.foreign))


def call_numbers(graph: Graph, nodes: Sequence[str]) -> list[int | None]:
    """For each of the chosen nodes its number among those of its layer, None where it is the only one.

    A node is chosen twice where two of the edges that lead to it are.
    """
    layers = [graph.nodes[name].layer for name in nodes]
    counts = Counter(layers)
    numbers = {layer: count() for layer in counts}
    return [next(numbers[layer]) if counts[layer] > 1 else None for layer in layers]


def matches_of(graph: Graph, nodes: Sequence[str]) -> list[Match]:
    """The matches that chosen nodes are; the calls of one layer are one match."""
    order = {layer: index for index, layer in enumerate(dict.fromkeys(graph.nodes[name].layer for name in nodes), 1)}
    numbers = call_numbers(graph, nodes)
    return [
        Match(graph.nodes[name].layer, number, order[graph.nodes[name].layer], len(order))
        for name, number in zip(nodes, numbers, strict=True)
    ]


def check_takes(graph: Graph, chain: Chain, users: Collection[str], dropped: Collection[str] = ()) -> None:
    """Proves that a chain takes nothing that depends on what it puts out, nor what leaves with the edit.

    `users` are the calls that take its end.

    Raises:
        SpecError: SC319, SC206; at the `from`.
    """
    if not chain.takes:
        return
    after = graph.descendants(users)
    for ref, path in chain.takes:
        if ref.node in dropped:
            message = f"`{ref.node}` is what this replaces, it is gone once the new layers are there"
            raise SpecError.single("SC206", message, path=path, help="take `in`, which flows into it, or another layer")
        if ref.node in after:
            message = f"`{ref.node}` depends on what these layers put out, it cannot flow into them"
            raise SpecError.single("SC319", message, path=path, help="take a layer that comes before this place")
