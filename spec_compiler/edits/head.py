"""`head`: new layers on the model's output."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field, RootModel

from spec_compiler.diagnostics import Path
from spec_compiler.edits.chain import make_chain
from spec_compiler.edits.ends import model_output
from spec_compiler.entries import Entries
from spec_compiler.graph import Graph, Origin


class Head(RootModel[Entries], frozen=True):
    """New layers on the current output; the last one's output becomes the model's output."""

    root: Entries = Field(examples=[["GlobalAveragePooling2D", {"Dense": {"units": 10, "activation": "softmax"}}]])

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with the chain behind its output."""
        ref = model_output(graph)
        chain = make_chain(graph, self.root, [ref], Origin("head", path), ())
        last = list(graph.nodes)[-1]
        return replace(
            graph.spliced(Origin("head", path), layers=chain.layers, after={last: chain.nodes}), outputs=chain.exit
        )
