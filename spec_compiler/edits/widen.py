"""`widen`: channels are copied and their readers' weights divided, so that the function stays (Net2Net)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, StrictInt

from spec_compiler.diagnostics import Path, under
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.selecting import Selecting
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.language.selectors import Selector


class Widen(Selecting, Edit):
    """More channels for layers that stay: copies of the channels that they have.

    The weights that read these channels are divided, so that the function stays. In a residual block the outputs of
    layers are added, so naming one of these layers changes all. Naming a layer inside of a nested model, such as
    `enc/conv1` of a base taken `as: layer`, opens that model. The method is Net2WiderNet (Chen, Goodfellow, Shlens:
    Net2Net, https://arxiv.org/abs/1511.05641).
    """

    key: ClassVar = "widen"
    says: ClassVar = "More channels, as copies of those that are there; the function stays (Net2Net)."
    is_list: ClassVar = True
    names: ClassVar = ("layers", "except")

    layers: Selector = Field(
        description="Layers whose output gets more channels, and with them all layers whose outputs are added "
        "to theirs. Of several layers, those that cannot be widened stay as they are.",
        examples=["block1_conv1"],
    )
    to: Annotated[StrictInt, Field(ge=2, lt=2**20)] = Field(
        description="How many channels the output gets: copies of all channels in turns.", examples=[96]
    )

    @property
    def _selector(self) -> Selector:
        return self.layers

    def needs_shapes(self, graph: Graph) -> bool:
        """Always: it follows channels through the graph as it is."""
        return True

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with more channels."""
        from spec_compiler.edits.narrowing import Narrowing  # imports NumPy, which other specs are to start without

        narrowing = Narrowing.of(graph, Origin("widen", path))
        nodes = self._selected(graph, "layers")
        with under("layers"):
            narrowing.widen(self.layers, nodes, self.to)
        return narrowing.graph()
