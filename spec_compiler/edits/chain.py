"""Chains of new layers: what `replace`, `insert` and `head` put into a graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.edits.joins import argument
from spec_compiler.graph import Graph
from spec_compiler.graph.invariants import check_size
from spec_compiler.graph.keras_names import flat
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.language.entries import MATCH, LayerEntry, snake_case

LONGEST_NAME = 250  # characters: it becomes the name of a file and of a group in files, each up to 255 bytes


@dataclass
class Chains:
    """Makes the chains of one edit: their layers once for each matched layer, their calls once for each of its calls.

    A replacement of a layer that is called twice so stays one layer that is called twice.

    Attributes:
        path: leads from the edit to its list of entries.
        free: layers that leave the graph with this edit, so that a new one may take their name.
        several: whether the edit may match several layers, each of which gets a chain.
        layers: every layer made so far, by name.
    """

    graph: Graph
    entries: Sequence[LayerEntry]
    origin: Origin
    path: Path
    free: Collection[str] = ()
    several: bool = False
    layers: dict[str, LayerSpec] = field(default_factory=dict)
    _made: dict[str | None, tuple[str, ...]] = field(default_factory=dict)

    def add(self, takes: Sequence[ValueRef], match: str | None = None, call: int | None = None) -> Chain:
        """The calls of a chain, the first on `takes` (on a list where there are several), each next on the one before.

        `match` is the one layer that was matched, for `{name}` in a name; `call` numbers its calls where there are
        several.

        Raises:
            SpecError: SC204 a name that another layer has, SC205 `{name}` without a layer that it could stand for,
                SC401 several tensors for a layer that takes one, SC113 more layers or a longer name than may be.
        """
        if match not in self._made:
            num_layers = len(self.graph.layers) + len(self.layers) + len(self.entries)
            check_size(num_layers, num_base_layers=len(self.graph.positions))
            names = []
            for index, entry in enumerate(self.entries):
                place = (*self.path, index)
                name = layer_name(self.graph, entry, self.layers, place, match, self.free, self.several)
                keras_name = _keras_name(self.graph.layers[match], name) if match is not None else None
                self.layers[name] = make_layer(name, entry, self.origin, place, keras_name)
                names.append(name)
            self._made[match] = tuple(names)
        nodes: list[Node] = []
        tensors = list(takes)
        for index, name in enumerate(self._made[match]):
            node = name if call is None else f"{name}@{call}"
            taken = argument(self.graph, self.entries[index], tensors, (*self.path, index))
            nodes.append(Node(node, name, (taken,)))
            tensors = [ValueRef(node)]
        return Chain(tuple(nodes), tensors[0])


class Chain(NamedTuple):
    """New calls, and the tensor that the last one puts out."""

    nodes: tuple[Node, ...]
    exit: ValueRef


def call_numbers(graph: Graph, nodes: Sequence[str]) -> list[int | None]:
    """For each of the chosen nodes its number among those of its layer, None where it is the only one.

    A node is chosen twice where two of the edges that lead to it are.
    """
    layers = [graph.nodes[name].layer for name in nodes]
    counts = Counter(layers)
    numbers = {layer: count() for layer in counts}
    return [next(numbers[layer]) if counts[layer] > 1 else None for layer in layers]


def make_layer(name: str, entry: LayerEntry, origin: Origin, path: Path, keras_name: str | None = None) -> LayerSpec:
    """A new layer, as the entry at `path` below the edit says."""
    config = {"class_name": entry.class_name, "config": dict(entry.arguments)}
    trainable = bool(entry.arguments.get("trainable", True))
    made_by = Origin(origin.section, (*origin.path, *path))
    return LayerSpec(name, entry.class_name, config, trainable=trainable, origin=made_by, keras_name=keras_name)


def _keras_name(match: LayerSpec, name: str) -> str | None:
    """The name in Keras of a layer that stays with the matched one, below the base or the model that this is of."""
    prefix, slash, last = name.rpartition("/")
    below, _, matched = match.name.rpartition("/")
    if not slash or prefix != below:
        return None
    before = match.name_in_keras.removesuffix(matched)
    return f"{before}{last}" if before != match.name_in_keras else flat(name)


def layer_name(
    graph: Graph,
    entry: LayerEntry,
    beside: Mapping[str, LayerSpec],
    path: Path,
    match: str | None = None,
    free: Collection[str] = (),
    several: bool = False,
) -> str:
    """The name that the entry says, or one made from its class that nobody has.

    Raises:
        SpecError: SC204, SC205.
    """
    if entry.name is None:
        return unused_name(graph, snake_case(entry.class_name), beside)
    if match is None and MATCH in entry.name:
        start = entry.name.index(MATCH)
        raise SpecError.single(
            "SC205",
            f"`{MATCH}` stands for one matched layer, this region has several",
            path=(*path, *entry.name_path),
            chars=(start, start + len(MATCH)),
            help="write the name out, or take `each`, which replaces the layers one by one",
        )
    name = entry.name
    if match is not None and MATCH in name:
        below, slash, matched = match.rpartition("/")
        # One of thousands of placeholders is not written out: only how long it would be is told.
        length = len(name) + name.count(MATCH) * (len(matched) - len(MATCH))
        name = f"{below}{slash}{name.replace(MATCH, matched)}" if length <= LONGEST_NAME else "x" * length
    if len(name) - len((match or "").rpartition("/")[0]) > LONGEST_NAME:
        message = f"the name of this layer has {len(name):,} characters, {LONGEST_NAME} are the most"
        raise SpecError.single("SC113", message, path=(*path, *entry.name_path), help="write a shorter one")
    if (name in graph.layers and name not in free) or name in beside:
        other = graph.layers.get(name) or beside[name]
        place: Path = ("base",)
        by, where = "the base has it", "the base is here"
        if other.is_new:
            by, where, place = f"`{other.origin.section}` made it", "the other one is made here", other.origin.path
        help = f"write another name, for example `{unused_name(graph, name, beside)}`"
        if several and MATCH not in entry.name:
            help = f"put `{MATCH}` into it, which stands for the layer that was matched"
        raise SpecError.single(
            "SC204",
            f"a layer named `{name}` is already there, {by}",
            path=(*path, *entry.name_path),
            help=help,
            related=[] if several else [(where, place)],
        )
    return name


def unused_name(graph: Graph, wanted: str, beside: Container[str] = ()) -> str:
    """`wanted`, or a `wanted_1`, `wanted_2` … that no layer has or had: the first, where there are not very many."""

    in_keras = {layer.keras_name for layer in graph.layers.values()}

    def taken(name: str) -> bool:
        return name in graph.layers or name in graph.removed or name in beside or name in in_keras

    if not taken(wanted):
        return wanted
    below, step = 0, 1
    while taken(f"{wanted}_{below + step}"):  # in growing steps, as a head of 10,000 layers would ask 50 million times
        below, step = below + step, step * 2 if step >= 64 else step + 1 if below >= 64 else 1
    while step > 1:
        half = step // 2
        below, step = (below, half) if not taken(f"{wanted}_{below + half}") else (below + half, step - half)
    return f"{wanted}_{below + 1}"
