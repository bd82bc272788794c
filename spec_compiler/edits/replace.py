"""`replace`: a region, or every layer that a selector finds, gives way to new layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from spec_compiler.diagnostics import Path, SpecError, under
from spec_compiler.edits.chain import Chains, check_takes, matches_of
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.ends import Region, region, separation, single_output
from spec_compiler.edits.new_names import NOTHING, Match
from spec_compiler.edits.selecting import Selecting
from spec_compiler.edits.targets import Target
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.language.entries import Entries
from spec_compiler.language.selectors import Selector


class Replace(Selecting, Edit):
    """Layers to replace by new ones."""

    key: ClassVar = "replace"
    says: ClassVar = "Layers or ranges to replace by new layers."
    is_list: ClassVar = True
    names: ClassVar = ("layers", "except")
    new_layers: ClassVar = ("with",)

    layers: Target = Field(
        description="The layer or range to replace as one region, with one tensor that flows in and one that "
        "flows out. Or `{each: SELECTOR}`, to replace every match by itself.",
        examples=["block1_conv1..block1_conv2", {"each": "type:ReLU"}],
    )
    with_: Entries = Field(
        alias="with",
        description="The new layers in their place. In a name `{name}` stands for the name of the layer that "
        "they replace.",
        examples=[[{"Conv2D": {"name": "new_conv", "filters": 64, "kernel_size": 5, "padding": "same"}}]],
    )

    @property
    def _selector(self) -> Selector:
        return self.layers.selector

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with the new layers in place of the region, or of each match."""
        origin = Origin("replace", path)
        names = self._selected(graph, "layers", *self.layers.path)
        return self._each(graph, names, origin) if self.layers.each else self._region(graph, names, origin)

    def entries(self) -> tuple[Path, Entries]:
        """The new layers."""
        return ("with",), self.with_

    def _region(self, graph: Graph, names: tuple[str, ...], origin: Origin) -> Graph:
        with under("layers"):
            old = _one_region(graph, names)
        chains = Chains(graph, self.with_, origin, ("with",), free=_leaving(graph, old.nodes))
        layers = {graph.nodes[name].layer for name in old.nodes}
        match = Match(layers.pop()) if len(layers) == 1 else NOTHING
        chain = chains.add(old.takes, match, graph.nodes[old.nodes[0]] if len(old.nodes) == 1 else None)
        edges = dict.fromkeys(graph.edges_from(old.exit), chain.exit)
        check_takes(graph, chain, [user for user, _ in edges if user is not None], old.nodes)
        edited = graph.spliced(
            origin, drop=old.nodes, layers=chains.layers.values(), after={old.exit.node: chain.nodes}, rewire=edges
        )
        edited = chains.in_order(edited).pruned(origin)
        return separation(edited, graph, old.nodes, (*origin.path, "layers"))

    def _each(self, graph: Graph, names: tuple[str, ...], origin: Origin) -> Graph:
        with under("layers", "each"):
            exits = {name: single_output(graph, name) for name in names}
            for name in names:
                region(graph, [name])
        chains = Chains(graph, self.with_, origin, ("with",), free=_leaving(graph, names), several=True)
        moved: dict[ValueRef, ValueRef] = {}
        places: dict[str, tuple[Node, ...]] = {}
        for name, match in zip(names, matches_of(graph, names), strict=True):
            node = graph.nodes[name]  # in order: a chain may take what the one before put out
            chain = chains.add([moved.get(ref, ref) for ref in node.data_inputs], match, node)
            check_takes(graph, chain, graph.consumers[name], names)
            places[name], moved[exits[name]] = chain.nodes, chain.exit
        edited = graph.spliced(
            origin,
            drop=names,
            layers=chains.layers.values(),
            after=places,
            rewire={edge: new for old, new in moved.items() for edge in graph.edges_from(old)},
        )
        edited = chains.in_order(edited).pruned(origin)
        return separation(edited, graph, names, (*origin.path, "layers", "each"))


def _one_region(graph: Graph, nodes: Sequence[str]) -> Region:
    """The nodes as a region; of a shared layer's calls that are none, what is said of regions would not help."""
    try:
        return region(graph, nodes)
    except SpecError:
        layers = {graph.nodes[name].layer for name in nodes}
        if len(nodes) == 1 or len(layers) > 1:
            raise
        (layer,) = layers
        message = f"the {len(nodes)} calls of `{layer}` are no region"
        raise SpecError.single(
            "SC302", message, help=f"replace every call by itself: `layers: {{each: {layer}}}`"
        ) from None


def _leaving(graph: Graph, nodes: tuple[str, ...]) -> set[str]:
    """The layers whose every call is among the nodes."""
    gone = set(nodes)
    return {graph.nodes[name].layer for name in nodes if gone.issuperset(graph.calls[graph.nodes[name].layer])}
