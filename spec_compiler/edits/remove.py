"""`remove`: layers go, and what they took flows on to their consumers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.ends import Region, region, separation
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.graph.node import ValueRef
from spec_compiler.graph.resolve import resolve
from spec_compiler.language.section import Value
from spec_compiler.language.selectors import Selector


class Remove(Value, Edit):
    """Layers or ranges to take out: what flowed into them flows on to the layers behind.

    Neighbours are taken out together, as one region.
    """

    key: ClassVar = "remove"
    says: ClassVar = "Layers or ranges to take out; what flowed into them flows on."
    is_list: ClassVar = True
    names: ClassVar = ("",)

    root: Selector = Field(examples=["type:Dropout", "block5_conv2..block5_conv3"])

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph without the layers."""
        origin = Origin("remove", path)
        names = resolve(self.root, graph)
        regions = [region(graph, stretch) for stretch in _stretches(graph, names)]
        flows = {stretch.exit: _only(stretch) for stretch in regions}
        edited = graph.spliced(
            origin, drop=names, rewire={edge: new for old, new in flows.items() for edge in graph.edges_from(old)}
        )
        return separation(edited.pruned(origin), graph, names, path)


def _only(stretch: Region) -> ValueRef:
    """The tensor that goes on in place of the region's exit.

    Raises:
        SpecError: SC303 where the region takes several.
    """
    if len(set(stretch.takes)) != 1:
        names = " and ".join(f"`{ref.node}`" for ref in dict.fromkeys(stretch.takes))
        message = f"`{stretch.nodes[0]}` takes {names}, only one of them can go on in its place"
        raise SpecError.single("SC303", message, help="use `replace`, which says what joins them")
    return stretch.takes[0]


def _stretches(graph: Graph, names: Sequence[str]) -> list[list[str]]:
    """The chosen nodes in groups of neighbours, each in order."""
    chosen = set(names)
    group: dict[str, list[str]] = {}
    for name in names:
        members: list[str] = [name]
        for ref in graph.nodes[name].data_inputs:
            if ref.node in chosen and group[ref.node] is not members:
                members = [*group[ref.node], *(each for each in members if each not in group[ref.node])]
        group |= dict.fromkeys(members, members)
    return list({id(members): members for members in group.values()}.values())  # the members of one share their list
