"""The sections of a spec applied to its base's graph, in their fixed order, the graph proven sound after each."""

from __future__ import annotations

from dataclasses import replace

from spec_compiler.check import check_graph, check_used
from spec_compiler.diagnostics import SpecError, dotted
from spec_compiler.graph import Graph
from spec_compiler.input_dtypes import check_input_dtypes
from spec_compiler.keras_names import with_keras_names
from spec_compiler.opening import opened
from spec_compiler.spec import Spec


def opened_for(spec: Spec, base: Graph) -> Graph:
    """The base's graph as the spec sees it: the nested models that it reaches into are open."""
    return opened(base, spec.texts())


def apply_edits(spec: Spec, graph: Graph) -> Graph:
    """The base's graph after every section of the spec, under the name that the spec gives the result.

    Raises:
        SpecError: the first section that does not fit, with its path in the spec.
    """
    check_graph(graph, "the base")
    idle = frozenset(ref.node for ref in graph.input_refs) - graph.used
    graph = replace(graph, idle=idle) if idle else graph
    for path, edit in spec.edits():
        try:
            graph = edit.apply(graph, path)
        except SpecError as error:
            raise error.under(*path) from None
        check_graph(graph, dotted(path))
    graph = check_input_dtypes(check_used(graph))
    return with_keras_names(replace(graph, name=spec.name or graph.name))
