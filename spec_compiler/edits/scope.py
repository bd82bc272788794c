"""What is there while new layers are wired: what an edit has made so far, and what `from` may name at a place."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from spec_compiler.diagnostics import Path
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.node import Node, ValueRef


class Block(NamedTuple):
    """What a block has become: its calls, the tensors that flowed in, and those that it puts out."""

    nodes: tuple[Node, ...]
    takes: tuple[ValueRef, ...]
    ends: tuple[ValueRef, ...]


@dataclass
class Made:
    """What one edit has made so far of the graph before it.

    Attributes:
        free: layers that leave the graph with this edit, so that a new one may take their name.
        several: whether the edit may match several layers, each of which gets a chain.
        layers: every new layer, by name; `by_entry` has the names by the matched layer and the place of the entry.
        nodes: the calls of the chains before, by name.
        blocks: the blocks that were written out, by their names.
    """

    graph: Graph
    origin: Origin
    free: Collection[str] = ()
    several: bool = False
    layers: dict[str, LayerSpec] = field(default_factory=dict)
    by_entry: dict[tuple[str | None, Path], str] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    blocks: dict[str, Block] = field(default_factory=dict)


@dataclass
class Scope:
    """What `from` may name beside the graph's layers: what flows in, and the entries of one chain or block so far."""

    flows_in: tuple[ValueRef, ...] | None  # None where it is only asked for when it is used: the model's one output
    prefix: str = ""  # of the layers of a block
    around: Scope | None = None
    named: dict[str, tuple[ValueRef, ...]] = field(default_factory=dict)

    def find(self, text: str) -> tuple[ValueRef, ...] | None:
        """The tensors of an entry, those of a block before those around it."""
        found = self.named.get(text)
        return found if found is not None or self.around is None else self.around.find(text)

    def prefixes(self) -> Iterator[str]:
        """The beginnings of names in a block, the innermost first."""
        inner: Scope | None = self
        while inner is not None:
            yield inner.prefix
            inner = inner.around
        yield ""
