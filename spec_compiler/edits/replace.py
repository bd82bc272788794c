"""`replace`: a region, or every layer that a selector finds, gives way to new layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import ConfigDict, Field, model_validator

from spec_compiler.diagnostics import Path, SpecError, under
from spec_compiler.edits.chain import Chains, call_numbers
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.ends import Region, region, separation, single_output
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.graph.resolve import resolve
from spec_compiler.language.entries import Entries
from spec_compiler.language.section import Section
from spec_compiler.language.selectors import Selector


class Replace(Section, Edit):
    """Layers that give way to a chain of new ones."""

    key: ClassVar = "replace"
    says: ClassVar = "Layers or ranges that give way to new layers."
    is_list: ClassVar = True
    names: ClassVar = ("layers", "each")
    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [key]} for key in ("layers", "each")]})

    layers: Selector | None = Field(
        default=None,
        description="The layer or range to replace, as one region: one tensor flows in, one flows out.",
        examples=["block1_conv1..block1_conv2"],
    )
    each: Selector | None = Field(
        default=None,
        description="Layers to replace one by one.",
        examples=["type:ReLU"],
    )
    with_: Entries = Field(
        alias="with",
        description="The chain of new layers in their place; `{name}` in a name stands for the one that it replaces.",
        examples=[[{"Conv2D": {"name": "new_conv", "filters": 64, "kernel_size": 5, "padding": "same"}}]],
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Replace:
        if self.layers is not None and self.each is not None:
            message = "`layers` and `each` exclude each other"
            raise SpecError.single("SC108", message, path=("each",), at_key=True, help="use two entries")
        if self.layers is None and self.each is None:
            help = "`layers: a..b` replaces a region as a whole, `each: type:ReLU` every match by itself"
            raise SpecError.single("SC102", "`replace` needs `layers` or `each`", help=help)
        return self

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with the chain in place of the region, or of each match."""
        origin = Origin("replace", path)
        if self.layers is not None:
            return self._region(graph, self.layers, origin)
        assert self.each is not None
        return self._each(graph, self.each, origin)

    def entries(self) -> tuple[Path, Entries]:
        """The layers of the chain."""
        return ("with",), self.with_

    def _region(self, graph: Graph, selector: Selector, origin: Origin) -> Graph:
        with under("layers"):
            old = _one_region(graph, resolve(selector, graph))
        chains = Chains(graph, self.with_, origin, ("with",), free=_leaving(graph, old.nodes))
        layers = {graph.nodes[name].layer for name in old.nodes}
        chain = chains.add(old.takes, layers.pop() if len(layers) == 1 else None)
        edited = graph.spliced(
            origin,
            drop=old.nodes,
            layers=chains.layers.values(),
            after={old.exit.node: chain.nodes},
            rewire=dict.fromkeys(graph.edges_from(old.exit), chain.exit),
        )
        return separation(edited.pruned(origin), graph, old.nodes, (*origin.path, "layers"))

    def _each(self, graph: Graph, selector: Selector, origin: Origin) -> Graph:
        with under("each"):
            names = resolve(selector, graph)
            exits = {name: single_output(graph, name) for name in names}
            for name in names:
                region(graph, [name])
        chains = Chains(graph, self.with_, origin, ("with",), free=_leaving(graph, names), several=True)
        numbers = call_numbers(graph, names)
        moved: dict[ValueRef, ValueRef] = {}
        places: dict[str, tuple[Node, ...]] = {}
        for name, number in zip(names, numbers, strict=True):  # in order: a chain may take what the one before put out
            node = graph.nodes[name]
            chain = chains.add([moved.get(ref, ref) for ref in node.data_inputs], node.layer, number)
            places[name], moved[exits[name]] = chain.nodes, chain.exit
        edited = graph.spliced(
            origin,
            drop=names,
            layers=chains.layers.values(),
            after=places,
            rewire={edge: new for old, new in moved.items() for edge in graph.edges_from(old)},
        )
        return separation(edited.pruned(origin), graph, names, (*origin.path, "each"))


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
        raise SpecError.single("SC302", message, help=f"replace every call by itself: `each: {layer}`") from None


def _leaving(graph: Graph, nodes: tuple[str, ...]) -> set[str]:
    """The layers whose every call is among the nodes."""
    gone = set(nodes)
    return {graph.nodes[name].layer for name in nodes if gone.issuperset(graph.calls[graph.nodes[name].layer])}
