"""`head`: new layers on the model's output, as a chain or, with `from:`, as a graph."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from spec_compiler.diagnostics import Path
from spec_compiler.edits.chain import Chains
from spec_compiler.edits.edit import Edit
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.language.entries import HeadEntries
from spec_compiler.language.section import Value


class Head(Value, Edit):
    """New layers at the model's output; the last one's output becomes the model's output."""

    key: ClassVar = "head"
    says: ClassVar = "New layers on the model's output."
    new_layers: ClassVar = ()

    root: HeadEntries = Field(examples=[["GlobalAveragePooling2D", {"Dense": {"units": 10, "activation": "softmax"}}]])

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with the layers behind its output, or behind the layers that `from:` names."""
        chains = Chains(graph, self.root, Origin("head", path), ())
        chain = chains.add(None)
        ends = chain.exit if len(chain.ends) == 1 else list(chain.ends)
        nodes = {**graph.nodes, **{node.name: node for node in chain.nodes}}
        # what no output needs goes after `outputs`
        return replace(graph, layers={**graph.layers, **chains.layers}, nodes=nodes, outputs=ends).numbered_calls()

    def entries(self) -> tuple[Path, HeadEntries]:
        """The layers of the head."""
        return (), self.root
