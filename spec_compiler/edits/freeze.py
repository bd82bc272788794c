"""`freeze`: layers that training leaves as they are."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from spec_compiler.diagnostics import Path
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.freezing import Freezing, pointless
from spec_compiler.graph import Graph
from spec_compiler.language.section import Value


class Freeze(Value, Edit):
    """Layers whose `trainable` becomes false: training changes neither their weights nor their moving statistics."""

    key: ClassVar = "freeze"
    says: ClassVar = "Layers that training leaves as they are."
    names: ClassVar = ("",)
    opens: ClassVar = False

    root: Freezing = Field(examples=["..block3_pool", {"layers": "base", "except": "block5_*", "batch_norm": "all"}])

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with these layers frozen; the others stay as they are."""
        frozen = self.root.apply(graph)  # read off the edited graph, in which the head and what was inserted are new
        return pointless(graph, frozen, "`freeze` changes nothing, all of it is frozen already", path)
