"""The sections of a spec applied to its base's graph, in their fixed order, the graph proven sound after each."""

from __future__ import annotations

from dataclasses import replace

from spec_compiler.check import check_graph, check_used
from spec_compiler.diagnostics import SpecError, dotted
from spec_compiler.edits.resized import as_constructed
from spec_compiler.graph import Graph, Shape
from spec_compiler.opening import opened
from spec_compiler.spec import Spec


def opened_for(spec: Spec, base: Graph) -> Graph:
    """The base's graph as the spec sees it: the nested models that it reaches into are open."""
    return opened(base, spec.texts())


def size_of(spec: Spec) -> Shape | None:
    """The shape that a spec gives the input of an application, whose constructor is asked what it makes of it."""
    is_one = spec.base is not None and spec.base.application is not None
    return spec.input.shape if is_one and spec.input is not None else None


def apply_edits(spec: Spec, graph: Graph, resized: Graph | None = None) -> Graph:
    """The base's graph after every section of the spec, under the name that the spec gives the result.

    `resized` is what the constructor of an application makes at the size that `input` gives it.

    Raises:
        SpecError: the first section that does not fit, with its path in the spec.
    """
    check_graph(graph, "the base")
    for path, edit in spec.edits():
        try:
            graph = edit.apply(graph, path)
        except SpecError as error:
            raise error.under(*path) from None
        if path == ("input",) and resized is not None:
            graph = as_constructed(graph, opened_for(spec, resized))
        check_graph(graph, dotted(path))
    return replace(check_used(graph), name=spec.name or graph.name)
