"""`head`: new layers on the model's output, as a chain or, with `from:`, as a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field, RootModel

from spec_compiler.diagnostics import Path, under
from spec_compiler.edits.chain import layer_name, make_layer
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.ends import model_output, single_output
from spec_compiler.edits.joins import argument
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.graph.resolve import resolve_one
from spec_compiler.language.entries import HeadEntries, HeadEntry
from spec_compiler.language.selectors import Selector


class Head(RootModel[HeadEntries], Edit, frozen=True):
    """New layers on the current output; the last one's output becomes the model's output."""

    key: ClassVar = "head"
    says: ClassVar = "New layers on the model's output."
    names: ClassVar = ("from",)

    root: HeadEntries = Field(examples=[["GlobalAveragePooling2D", {"Dense": {"units": 10, "activation": "softmax"}}]])

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with the layers behind its output, or behind the layers that `from:` names."""
        origin = Origin("head", path)
        layers: dict[str, LayerSpec] = {}
        nodes: list[Node] = []
        exit: ValueRef | None = None
        for index, entry in enumerate(self.root):
            if entry.takes is None:
                takes = [exit or model_output(graph, (index,))]
            else:
                takes = [_source(graph, selector, layers, nodes, place) for selector, place in _places(entry, index)]
            taken = argument(graph, entry, takes, (index,), entry.takes_list)
            name = layer_name(graph, entry, layers, (index,))
            layers[name] = make_layer(name, entry, origin, (index,))
            nodes.append(Node(name, name, (taken,)))
            exit = ValueRef(name)
        return replace(_with(graph, layers, nodes), outputs=exit)  # what no output needs goes after `outputs`

    def entries(self) -> tuple[Path, HeadEntries]:
        """The layers of the head."""
        return (), self.root


def _places(entry: HeadEntry, index: int) -> Iterator[tuple[Selector, Path]]:
    for at, selector in enumerate(entry.takes or ()):
        yield selector, (index, "from", at) if entry.takes_list else (index, "from")


def _source(
    graph: Graph, selector: Selector, layers: Mapping[str, LayerSpec], nodes: Sequence[Node], path: Path
) -> ValueRef:
    """The tensor that a `from:` names: of the graph, or of the layers that the head has made so far."""
    if selector.text in layers:
        return ValueRef(selector.text)
    # Only where it must be: to copy the whole graph for each of 5,000 layers takes their square.
    so_far = graph if selector.text in graph.nodes else _with(graph, layers, nodes)
    with under(*path):
        return single_output(so_far, resolve_one(selector, so_far, "`from`"))


def _with(graph: Graph, layers: Mapping[str, LayerSpec], nodes: Sequence[Node]) -> Graph:
    return replace(
        graph, layers={**graph.layers, **layers}, nodes={**graph.nodes, **{node.name: node for node in nodes}}
    )
