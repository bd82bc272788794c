"""Layers that a selector reaches in nested models, which are open for it alone: in the graph they stay closed."""

from __future__ import annotations

from dataclasses import replace

from spec_compiler.graph import Graph
from spec_compiler.graph.opened import opened
from spec_compiler.graph.resolve import resolve
from spec_compiler.language.selectors import Selector, Term


def reached(selector: Selector, graph: Graph) -> tuple[Graph, Selector]:
    """The graph as a selector sees it, the models open that it leads into, and the selector that it is there."""
    terms = (*selector.terms, *(selector.excluded.terms if selector.excluded is not None else ()))
    seen = opened(graph, [term.text for term in terms])
    if seen is graph:
        return graph, selector
    excluded = selector.excluded and replace(selector.excluded, terms=_of_the_open(selector.excluded.terms, seen))
    return seen, replace(selector, terms=_of_the_open(selector.terms, seen), excluded=excluded)


def reached_layers(selector: Selector, graph: Graph) -> tuple[Graph, tuple[str, ...]]:
    """The graph as a selector sees it, and the layers that it matches there, each once.

    Raises:
        SpecError: as `resolve`.
    """
    seen, selector = reached(selector, graph)
    return seen, tuple(dict.fromkeys(seen.nodes[name].layer for name in resolve(selector, seen)))


def _of_the_open(terms: tuple[Term, ...], seen: Graph) -> tuple[Term, ...]:
    """The elements, those that name a model which is open as all of its layers: `outer` beside `outer/inner`."""

    def is_open(term: Term) -> bool:
        named = term.text in seen.layers or term.text in seen.nodes
        return term.form == "name" and not named and any(name.startswith(f"{term.text}/") for name in seen.layers)

    return tuple(Term(term.text, "inside", (term.text,), term.path) if is_open(term) else term for term in terms)
