"""What a new layer is called on: most take one tensor, and Keras says nothing where it is handed a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from spec_compiler.diagnostics import Path, SpecError, quoted, write
from spec_compiler.graph import Graph
from spec_compiler.graph.node import Structure, ValueRef
from spec_compiler.keras_facts.merges import MERGES, TAKE_ARGUMENTS, takes_one
from spec_compiler.language.entries import LayerEntry


class Call(NamedTuple):
    """The arguments of a layer's call, tensors among them."""

    args: tuple[Structure, ...]
    kwargs: Mapping[str, Structure]


def call_of(graph: Graph, entry: LayerEntry, takes: Mapping[Any, Sequence[ValueRef]], path: Path) -> Call:
    """How an entry's layer is called on the tensors that it takes.

    `takes` has them as `from` names them: at None what stands alone, by place those of a list, or by an argument's
    name. The entry stands at `path` below the edit.

    Raises:
        SpecError: SC401 for a class that takes them as arguments, and for several where it takes one. Keras's
            activations and dropouts accept the list, say the shape of its first tensor, and put out something else
            when they are called.
    """
    if takes and all(isinstance(key, str) for key in takes):
        named = {key: refs[0] if len(refs) == 1 else list(refs) for key, refs in takes.items()}
        return Call((), {**named, **entry.call})
    tensors = [ref for refs in takes.values() for ref in refs]
    if entry.class_name in TAKE_ARGUMENTS:
        raise _wants_arguments(entry, path)
    # A list of one, written as such, is one for a class that takes lists.
    takes_a_list = entry.layer is None and not takes_one(entry.class_name)
    if len(tensors) == 1 and not (takes_a_list and None not in takes):
        return Call((tensors[0],), entry.call)
    if takes_a_list or entry.layer is not None:
        return Call((tensors,), entry.call)
    nodes = [ref.node for ref in tensors]
    text = f"{quoted(nodes[:4])} …" if len(nodes) > 4 else f"{quoted(nodes[:-1])} and `{nodes[-1]}`"
    message = f"a `{entry.class_name}` takes one tensor, here are {len(tensors)}: {text}"
    help = f"put a layer that joins them before it, for example `{_join(graph, tensors)}`"
    raise SpecError.single("SC401", message, path=(*path, *entry.class_path), at_key=True, help=help)


def _wants_arguments(entry: LayerEntry, path: Path) -> SpecError:
    """The error for a class whose call has an argument for each of its tensors."""
    name = entry.class_name
    message = f"a `{name}` takes a query and a value as two arguments, `from` is to say which is which"
    sources = list((entry.takes or {}).values())
    query = sources[0].text if sources else "above"
    value = sources[1].text if len(sources) > 1 else query
    text = f"write `from: {{query: {query}, value: {value}}}`"
    if entry.takes is None:
        return SpecError.single(
            "SC401", message, path=(*path, *entry.class_path), at_key=True, help=text + " beside it"
        )
    return SpecError.single("SC401", message, path=(*path, "from"), help=write({"query": query, "value": value}, text))


def _join(graph: Graph, takes: Sequence[ValueRef]) -> str:
    """The class that joins these tensors in the graph, else one that joins any of one size."""
    there = (graph.layers[node.layer].class_name for node in graph.nodes.values() if node.data_inputs == tuple(takes))
    return next((each for each in there if each in MERGES), "Concatenate")
