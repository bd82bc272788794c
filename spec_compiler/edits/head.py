"""`head`: new layers on the model's output, as a chain or, with `from:`, as a graph."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field, RootModel

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.edits.chain import layer_name, make_layer
from spec_compiler.edits.ends import model_output, single_output
from spec_compiler.entries import Entries, LayerEntry
from spec_compiler.graph import Graph, Node, Origin, ValueRef
from spec_compiler.resolve import resolve_one


class Head(RootModel[Entries], frozen=True):
    """New layers on the current output; the last one's output becomes the model's output."""

    root: Entries = Field(examples=[["GlobalAveragePooling2D", {"Dense": {"units": 10, "activation": "softmax"}}]])

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with the layers behind its output, or behind the layers that `from:` names."""
        origin = Origin("head", path)
        exit: ValueRef | None = None
        for index, entry in enumerate(self.root):
            argument = self._takes(graph, entry, exit, index)
            name = layer_name(graph, entry, {}, (index,))
            layer = make_layer(name, entry, origin, (index,))
            last = list(graph.nodes)[-1]
            graph = graph.spliced(origin, layers=[layer], after={last: [Node(name, name, (argument,))]})
            exit = ValueRef(name)
        return replace(graph, outputs=exit)

    def _takes(self, graph: Graph, entry: LayerEntry, exit: ValueRef | None, index: int) -> ValueRef | list[ValueRef]:
        if entry.takes is None:
            return exit or model_output(graph, (index,))
        found = []
        for at, selector in enumerate(entry.takes):
            place: Path = (index, "from", at) if entry.takes_list else (index, "from")
            try:
                found.append(single_output(graph, resolve_one(selector, graph, "`from`")))
            except SpecError as error:
                raise error.under(*place) from None
        return found if entry.takes_list else found[0]
