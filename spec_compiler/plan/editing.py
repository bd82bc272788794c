"""The sections of a spec applied to its base's graph, in their order, the graph proven sound after each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from spec_compiler.diagnostics import Path, SpecError, dotted
from spec_compiler.edits import EDITS, Edit
from spec_compiler.edits.input import Input
from spec_compiler.edits.input_dtypes import check_input_dtypes
from spec_compiler.edits.inputs import Inputs
from spec_compiler.edits.resized import as_constructed
from spec_compiler.edits.start import StartAt, check_begun, check_start
from spec_compiler.edits.wrapped import wrapped
from spec_compiler.graph import Coming, Graph, Shaped
from spec_compiler.graph.invariants import check_graph, check_used, check_work
from spec_compiler.graph.keras_names import with_keras_names
from spec_compiler.graph.layer_spec import LayerSpec, Origin, Shape
from spec_compiler.graph.opened import opened
from spec_compiler.language.layer_names import snake_case
from spec_compiler.language.places import in_section, section_place
from spec_compiler.plan.lost_edits import Made, check_lost
from spec_compiler.spec import Spec


def opened_for(spec: Spec, base: Graph) -> Graph:
    """The base's graph as the spec sees it: the nested models that it reaches into are open."""
    graph = opened(base, spec.texts())
    adapts = any(each.weights is not None for _, each in spec.said(Input))
    adapts = adapts or any(each.weights is not None for _, said in spec.said(Inputs) for each in said.root.values())
    if not adapts:
        return graph
    from spec_compiler.edits.input_channels import opened_to_inputs  # where nothing adapts, a check does without

    return opened_to_inputs(graph)


def size_of(spec: Spec) -> Shape | None:
    """The shape that a spec gives the input of an application, whose constructor is asked what it makes of it.

    None where the model begins later, or around it: no constructor knows such an input.
    """
    base = spec.base if spec.base is not None and not spec.base.is_layer else None
    is_one = base is not None and base.application is not None and spec.section(StartAt) is None
    place = _sizing(spec) if is_one else None
    return next((each.shape for path, each in spec.said(Input) if path == place), None)


def _sizing(spec: Spec) -> Path | None:
    """The `input` that says the size; None where a step before it has edited what the constructor makes."""
    first = takewhile(lambda section: section[0][-1] == Input.key, spec.sections())
    return next((path for path, input in reversed([*first]) if input.shape is not None), None)


class NotShaped(Exception):
    """An edit needs shapes that only Keras can tell."""


def apply_edits(
    spec: Spec,
    graph: Graph,
    resized: Graph | None = None,
    lists: Mapping[str, tuple[str, ...]] | None = None,
    shaped: Callable[[Graph], Graph | None] = lambda graph: None,
    lora_files: Mapping[str, Any] | None = None,
) -> Graph:
    """The base's graph after every section of the spec, under the name that the spec gives the result.

    `resized` is what the constructor of an application makes at the size that `input` gives it, `lists` what is in the
    files of names of which the spec says, `lora_files` what is in those of adapters. `shaped` gives a graph the shapes
    that it has after the edits so far, None where it cannot.

    Raises:
        NotShaped: an edit needs these.
        SpecError: the first section that does not fit, with its path in the spec.
    """
    check_graph(graph, "the base")  # a reader's mistake would be laid at the first edit's door
    idle = frozenset(ref.node for ref in graph.input_refs) - graph.used
    graph = replace(graph, idle=idle) if idle else graph
    graph = replace(graph, originals=graph.layers, original_nodes=graph.nodes, names=lists or {})
    graph = replace(graph, lora_files=lora_files or {})
    before, made = graph, Made()
    # Read off the spec before anything is applied, so that a name which comes too early is told as such.
    later = [layer for path, edit in spec.edits() for layer in _announced(edit, path)]
    renames = [(path, names) for path, edit in spec.edits() if (names := edit.gives_names(path))]
    turns = [path for path, _ in spec.sections()]
    order = tuple(str(path[-1]) for path in turns) if spec.steps else EDITS
    sizing = _sizing(spec) if resized is not None else None
    passed = 0
    for path, edit in spec.edits():
        passed += len(graph.layers)
        while later and not _comes_after(later[0].origin.path, path, turns):
            del later[0]
        if edit.needs_shapes(graph):
            graph = _with_shapes(graph, before, shaped)
        was = graph
        try:
            check_work(passed)
            names = {new: old for at, given in renames if _is_later(at, path, turns) for new, old in given.items()}
            coming = Coming(dotted(section_place(path)), order, tuple(later), names)
            graph = check_begun(edit.apply(replace(graph, coming=coming), path), was)
        except SpecError as error:
            raise error.under(*path) from None
        graph = wrapped(graph, was)
        if path == sizing and resized is not None:  # before the next section: it may name what only that has
            graph = as_constructed(graph, opened_for(spec, resized), path)
        check_graph(graph, dotted(path))
        made.note(was, graph, path)
    graph = check_start(check_used(graph), before)
    # Last, as `outputs` may take up again what a `head` went past, and what is gone says nothing of its dtype.
    graph = check_lost(spec, before, made, check_input_dtypes(graph))
    graph = replace(graph, coming=None, originals={}, original_nodes={}, names={}, lora_files={})
    return with_keras_names(replace(graph, name=spec.name or graph.name))


def _with_shapes(graph: Graph, base: Graph, shaped: Callable[[Graph], Graph | None]) -> Graph:
    """The graph with its shapes beside it: those of the base while nothing was edited, else what is asked for.

    Raises:
        NotShaped: nobody knows.
        SpecError: as `check_used` and `check_start`: what is no model has no shapes.
    """
    if graph.shaped is not None and graph.shaped.layers == graph.layers:  # the edit before worked them out
        return graph
    graph = with_keras_names(check_start(check_used(graph, is_last=False), base))
    is_base = graph.layers == base.layers and graph.nodes == base.nodes and graph.outputs == base.outputs
    result = graph if is_base else shaped(graph)
    if result is None:
        raise NotShaped
    return replace(graph, shaped=Shaped(replace(result, shaped=None), graph.layers))


def _announced(edit: Edit, path: Path) -> Iterator[LayerSpec]:
    """The layers that an edit will make, under the names that they will most likely have."""
    below, entries = edit.entries()
    for index, entry in enumerate(entries):
        if entry.layer is None and entry.block is None:
            name = entry.name or snake_case(entry.class_name)
            origin = Origin(str(section_place(path)[-1]), (*path, *below, index))
            yield LayerSpec(name, entry.class_name, origin=origin)


def _is_later(edit: Path, other: Path, turns: Sequence[Path]) -> bool:
    """Whether an edit's section is applied after another's; `turns` are the places of the sections in their order."""
    return turns.index(section_place(edit)) > turns.index(section_place(other))


def _comes_after(entry: Path, edit: Path, turns: Sequence[Path]) -> bool:
    """Whether a new layer's entry is applied after an edit; those of the head come one after another."""
    if section_place(entry) != section_place(edit):
        return _is_later(entry, edit, turns)
    entry, edit = in_section(entry), in_section(edit)
    return edit == ("head",) or entry[:2] > edit[:2]
