"""`cut_at`: a layer's output becomes the model's output, and what only served later layers goes."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from spec_compiler.diagnostics import Path
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.ends import single_output
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.graph.resolve import resolve_one
from spec_compiler.language.section import Value
from spec_compiler.language.selectors import Selector


class CutAt(Value, Edit):
    """The layer whose output becomes the model's output; layers that only came behind it go."""

    key: ClassVar = "cut_at"
    says: ClassVar = "The layer whose output becomes the model's output; what comes behind it goes."
    names: ClassVar = ("",)

    root: Selector = Field(examples=["block4_pool"])

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph up to the layer, its output as the only output."""
        name = resolve_one(self.root, graph, "`cut_at`")
        ref = single_output(graph, name)
        return replace(graph, outputs=ref).pruned(Origin("cut_at", path))
