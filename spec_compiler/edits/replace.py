"""`replace`: a region, or every layer that a selector finds, gives way to new layers."""

from __future__ import annotations

from pydantic import Field

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.edits.chain import make_chain
from spec_compiler.edits.ends import region
from spec_compiler.edits.section import Section
from spec_compiler.entries import Entries
from spec_compiler.graph import Graph, Origin
from spec_compiler.resolve import resolve
from spec_compiler.selectors import Selector


class Replace(Section):
    """Layers that give way to a chain of new ones."""

    layers: Selector = Field(
        description="The layer or range to replace, as one region: one tensor flows in, one flows out.",
        examples=["block1_conv1..block1_conv2"],
    )
    with_: Entries = Field(
        alias="with",
        description="The chain of new layers in their place.",
        examples=[[{"Conv2D": {"name": "new_conv", "filters": 64, "kernel_size": 5, "padding": "same"}}]],
    )

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with the chain in place of the region."""
        try:
            found = region(graph, resolve(self.layers, graph))
        except SpecError as error:
            raise error.under("layers") from None
        origin = Origin("replace", path)
        leaving = {graph.nodes[name].layer for name in found.nodes}
        leaving -= {node.layer for name, node in graph.nodes.items() if name not in found.nodes}
        chain = make_chain(graph, self.with_, found.takes, origin, ("with",), free=leaving)
        return graph.spliced(
            origin,
            drop=found.nodes,
            layers=chain.layers,
            after={found.exit.node: chain.nodes},
            rewire=dict.fromkeys(graph.edges_from(found.exit), chain.exit),
        )
