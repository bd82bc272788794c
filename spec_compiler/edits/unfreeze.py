"""`unfreeze`: layers that train, though `freeze` or the base has them frozen."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from spec_compiler.diagnostics import Path
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.freezing import pointless, unfrozen
from spec_compiler.graph import Graph
from spec_compiler.language.section import Value
from spec_compiler.language.selectors import Selector


class Unfreeze(Value, Edit):
    """Layers to make trainable, after `freeze`.

    A BatchNormalization that `batch_norm: all` keeps in inference mode stays so.
    """

    key: ClassVar = "unfreeze"
    says: ClassVar = "Layers to make trainable, although `freeze` or the base has them frozen."
    names: ClassVar = ("",)
    opens: ClassVar = False

    root: Selector = Field(examples=["block5_*", {"layers": "base", "except": "..block4_pool"}])

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph in which these layers train; the others stay as they are."""
        return pointless(
            graph, unfrozen(self.root, graph), "`unfreeze` changes nothing, all of it can train already", path
        )
