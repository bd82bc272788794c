"""Where an edit may begin and end: the one tensor of a node, of a model's output, of a region."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, quoted, write
from spec_compiler.graph import Graph
from spec_compiler.graph.node import ValueRef
from spec_compiler.graph.resolve import resolve_one
from spec_compiler.keras_facts.output_counts import output_count
from spec_compiler.language.selectors import Selector

_ONE_OF_SEVERAL = re.compile(r"(.+)\.(\d{1,6})")


def tensor(selector: Selector, graph: Graph, wanted: str) -> ValueRef:
    """The one tensor that a selector names: what a layer puts out, or with a number, `lstm.0`, one of what it does.

    Raises:
        SpecError: as `resolve_one`, SC303 for a layer that puts out several, and SC201 for a number that it has not.
    """
    numbered = _ONE_OF_SEVERAL.fullmatch(selector.text)
    layer = numbered[1] if numbered else ""
    if numbered is None or selector.text in graph.layers or not (layer in graph.layers or layer in graph.nodes):
        name = resolve_one(selector, graph, wanted)
        return single_output(graph, name, selector.terms[0].path if len(selector.terms) == 1 else selector.path)
    name, index = resolve_one(Selector.parse(layer), graph, wanted), int(numbered[2])
    count = count_outputs(graph, name)
    if count is not None and index >= count:
        help = f"write one of {quoted(f'{layer}.{each}' for each in range(count))}"
        if count == 1:
            help = write(layer, f"write `{layer}`")
        message = f"`{layer}` puts out {count} tensor{'s' if count > 1 else ''}, there is no `{selector.text}`"
        raise SpecError.single("SC201", message, help=help)
    return ValueRef(name, index)


def count_outputs(graph: Graph, name: str) -> int | None:
    """How many tensors a call puts out; None where only the code of its class can say."""
    node = graph.nodes[name]
    if node.outputs:
        return len(node.outputs)
    layer = graph.layers[node.layer]
    if layer.is_new:
        return output_count(layer.class_name, layer.arguments, node.kwargs)
    others = (graph.nodes[call].outputs for call in graph.calls[node.layer])
    return next((len(each) for each in others if each), 1)


def single_output(graph: Graph, name: str, path: Path = ()) -> ValueRef:
    """The tensor that a node puts out.

    Raises:
        SpecError: SC303 where it puts out several.
    """
    count = count_outputs(graph, name) or 1
    if count > 1:
        message = f"`{name}` has {count} outputs, this place takes one"
        names = quoted(f"{name}.{index}" for index in range(min(count, 3)))
        raise SpecError.single("SC303", message, path=path, help=f"say which: {names}{' …' if count > 3 else ''}")
    return ValueRef(name)


def model_output(graph: Graph, path: Path = ()) -> ValueRef:
    """The tensor that the model puts out.

    Raises:
        SpecError: SC303 where it puts out several.
    """
    if len(graph.output_refs) != 1:
        names = quoted(ref.node for ref in graph.output_refs[:4])
        raise SpecError.single(
            "SC303",
            f"the model has {len(graph.output_refs)} outputs, a chain continues one",
            path=path,
            help=f"begin with `from:` and one of {names}, or choose with `cut_at`",
        )
    return graph.output_refs[0]


class Region(NamedTuple):
    """Nodes that can be taken out as a whole: what flows in, and the one tensor that flows out."""

    nodes: tuple[str, ...]
    takes: tuple[ValueRef, ...]
    exit: ValueRef


def region(graph: Graph, names: Iterable[str], path: Path = ()) -> Region:
    """The nodes as a single-entry, single-exit region.

    Nothing outside uses a tensor from inside but the exit, and nothing inside but the entry takes one from outside.

    Raises:
        SpecError: SC302 with the edges that break the rule, SC303 for an input of the model.
    """
    inside = graph.in_order(names)
    chosen = set(inside)
    for name in inside:
        if graph.layer_of(name).kind == "input":
            message = f"`{name}` is an input of the model and cannot be taken out"
            raise SpecError.single("SC303", message, path=path, help="begin at the layer after it")
    # What a call computes on, not the masks: Keras passes those along by itself, around a region as well.
    entries = [(ref, name) for name in inside for ref in graph.nodes[name].data_inputs if ref.node not in chosen]
    exits: dict[ValueRef, str] = {}
    for name in inside:
        for user in graph.consumers[name]:
            if user not in chosen:
                exits.update((ref, user) for ref in graph.nodes[user].inputs if ref.node == name and ref not in exits)
    for ref in graph.output_refs:
        if ref.node in chosen:
            exits.setdefault(ref, "the model's output")
    takers = {name for _, name in entries}
    takes = tuple(dict.fromkeys(ref for ref, _ in entries))
    problems: list[Diagnostic] = []
    if len(takes) > 1 and len(takers) > 1:
        ref, name = next((ref, name) for ref, name in entries if name != entries[0][1])
        message = f"the edge `{ref.node}` → `{name}` enters the region in the middle"
        notes = (f"the region begins at `{entries[0][1]}` and holds {len(inside)} layers",)
        help = f"take `{ref.node}` and what leads to it into the region, or end it before `{name}`"
        problems.append(Diagnostic("SC302", message, path, notes=notes, help=help))
    if len(exits) > 1:
        last = max(exits, key=lambda ref: inside.index(ref.node))
        ref, user = next((ref, user) for ref, user in exits.items() if ref != last)
        where = f"`{user}`" if user in graph.nodes else user
        message = f"the edge `{ref.node}` → {where} leaves the region in the middle"
        notes = (f"the region ends at `{last.node}` and holds {len(inside)} layers",)
        help = f"take {where} into the region, or begin it after `{ref.node}`"
        problems.append(Diagnostic("SC302", message, path, notes=notes, help=help))
    if problems:
        raise SpecError(problems)
    if not exits:
        raise SpecError.single("SC303", "nothing outside uses what these layers put out", path=path)
    if len(takers) == 1:  # a merge at the entry: its replacement takes the same tensors, each as often
        takes = tuple(ref for ref, _ in entries)
    return Region(inside, takes, next(iter(exits)))


def separation(edited: Graph, before: Graph, nodes: Iterable[str], path: Path) -> Graph:
    """The edited graph, with a warning for each shared layer of which the edit took some calls and left others."""
    warnings = []
    for layer in dict.fromkeys(before.nodes[name].layer for name in nodes):
        calls = before.calls[layer]
        left = [name for name in calls if name in edited.nodes]
        if layer in edited.layers and left and not edited.layers[layer].is_new:  # a new one may have taken the name
            message = f"`{layer}` is called {len(calls)} times, this edit leaves {len(left)} of its calls"
            help = f"to edit all its calls alike, name `{layer}` without an index"
            if path[-1:] == ("layers",):
                help = f"to replace all its calls alike, write `layers: {{each: {layer}}}`"
            warnings.append(Diagnostic("SC305", message, path, help=help))
    return replace(edited, warnings=(*edited.warnings, *warnings)) if warnings else edited
