"""A chain of new layers: what `replace`, `insert` and `head` put into a graph."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.entries import LayerEntry, snake_case
from spec_compiler.graph import Graph, LayerSpec, Node, Origin, ValueRef


@dataclass(frozen=True, slots=True)
class Chain:
    """New layers, each called once, and the tensor that the last one puts out."""

    layers: tuple[LayerSpec, ...]
    nodes: tuple[Node, ...]
    exit: ValueRef


def make_chain(
    graph: Graph,
    entries: Sequence[LayerEntry],
    takes: Sequence[ValueRef],
    origin: Origin,
    path: Path,
    match: str | None = None,
    free: Collection[str] = (),
) -> Chain:
    """The layers of the entries, each called on the one before, the first on `takes` (a list where there are several).

    `path` leads from the edit to the list of entries; `match` stands in for `{name}` in a name. Layers in `free`
    leave the graph with this edit, so that a new one may take their name.

    Raises:
        SpecError: SC204 a name that a layer of the graph, or of the chain, already has.
    """
    layers: dict[str, LayerSpec] = {}
    nodes: list[Node] = []
    tensors = list(takes)
    for index, entry in enumerate(entries):
        name = layer_name(graph, entry, layers, (*path, index), match, free)
        layer, node = make_call(name, entry, tensors, Origin(origin.section, (*origin.path, *path, index)))
        layers[name] = layer
        nodes.append(node)
        tensors = [ValueRef(name)]
    return Chain(tuple(layers.values()), tuple(nodes), tensors[0])


def make_call(name: str, entry: LayerEntry, tensors: Sequence[ValueRef], origin: Origin) -> tuple[LayerSpec, Node]:
    """A new layer and its call; on a list where it takes several tensors."""
    config = {"class_name": entry.class_name, "config": dict(entry.arguments)}
    trainable = bool(entry.arguments.get("trainable", True))
    argument = tensors[0] if len(tensors) == 1 else list(tensors)
    return LayerSpec(name, entry.class_name, config, trainable=trainable, origin=origin), Node(name, name, (argument,))


def layer_name(
    graph: Graph,
    entry: LayerEntry,
    beside: Mapping[str, LayerSpec],
    path: Path,
    match: str | None = None,
    free: Collection[str] = (),
) -> str:
    """The name that the entry says, or one made from its class that nobody has.

    Raises:
        SpecError: SC204.
    """
    if entry.name is None:
        return _unused(graph, snake_case(entry.class_name), beside)
    name = entry.name.replace("{name}", match) if match is not None else entry.name
    if (name in graph.layers and name not in free) or name in beside:
        there = graph.layers.get(name) or beside[name]
        by = "the base has it" if not there.is_new else f"`{there.origin.section}` made it"
        help = f"write another name, for example `{_unused(graph, name, beside)}`"
        if match is not None and "{name}" not in entry.name:
            help = "put `{name}` into it, which stands for the layer that was matched"
        raise SpecError.single(
            "SC204",
            f"a layer named `{name}` is already there, {by}",
            path=(*path, *entry.name_path),
            help=help,
            related=[("the other one is made here", there.origin.path)] if there.is_new else [],
        )
    return name


def _unused(graph: Graph, wanted: str, beside: Mapping[str, LayerSpec]) -> str:
    """`wanted`, or the first of `wanted_1`, `wanted_2` … that no layer has or had."""
    name, number = wanted, 0
    while name in graph.layers or name in graph.removed or name in beside:
        number += 1
        name = f"{wanted}_{number}"
    return name
