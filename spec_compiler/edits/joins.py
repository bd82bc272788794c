"""How many tensors a new layer takes: most take one, and Keras says nothing where it is handed a list."""

from __future__ import annotations

from collections.abc import Sequence

from spec_compiler.diagnostics import Path, SpecError, quoted
from spec_compiler.graph import Graph
from spec_compiler.graph.node import ValueRef
from spec_compiler.keras_facts.merges import MERGES, several_arguments, takes_one
from spec_compiler.language.entries import LayerEntry


def argument(
    graph: Graph, entry: LayerEntry, takes: Sequence[ValueRef], path: Path, listed: bool = False
) -> ValueRef | list[ValueRef]:
    """What a new layer is called on: the one tensor, or the list of them.

    `listed` says that the spec has a list even of one, which a class that takes lists gets as such.

    Raises:
        SpecError: SC401 for a class that takes them as arguments, and for several where it takes one. Keras's
            activations and dropouts accept the list, say the shape of its first tensor, and put out something else
            when they are called.
    """
    if (refused := several_arguments(entry.class_name)) is not None:
        message, help = refused
        raise SpecError.single("SC401", message, path=(*path, *entry.class_path), at_key=True, help=help)
    takes_a_list = not takes_one(entry.class_name)
    if len(takes) == 1:
        return list(takes) if listed and takes_a_list else takes[0]
    if takes_a_list:
        return list(takes)
    nodes = [ref.node for ref in takes]
    text = f"{quoted(nodes[:4])} …" if len(nodes) > 4 else f"{quoted(nodes[:-1])} and `{nodes[-1]}`"
    message = f"a `{entry.class_name}` takes one tensor, here are {len(takes)}: {text}"
    help = f"put a layer that joins them before it, for example `{_join(graph, takes)}`"
    raise SpecError.single("SC401", message, path=(*path, *entry.class_path), at_key=True, help=help)


def _join(graph: Graph, takes: Sequence[ValueRef]) -> str:
    """The class that joins these tensors in the graph, else one that joins any of one size."""
    there = (graph.layers[node.layer].class_name for node in graph.nodes.values() if node.data_inputs == tuple(takes))
    return next((each for each in there if each in MERGES), "Concatenate")
