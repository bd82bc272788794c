"""`freeze`: layers that training leaves as they are."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field, RootModel

from spec_compiler.diagnostics import Path
from spec_compiler.graph import Graph
from spec_compiler.resolve import resolve
from spec_compiler.selectors import Selector


class Freeze(RootModel[Selector], frozen=True):
    """Layers whose `trainable` becomes false: no weight of theirs changes in training, moving statistics included."""

    root: Selector = Field(examples=["..block3_pool", {"layers": "base", "except": "block5_*"}])

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with these layers frozen; the others stay as they are."""
        frozen = {graph.nodes[name].layer for name in resolve(self.root, graph)}
        layers = {
            name: replace(layer, trainable=False) if name in frozen and layer.trainable else layer
            for name, layer in graph.layers.items()
        }
        return replace(graph, layers=layers)
