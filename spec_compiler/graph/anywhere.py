"""Layers that a selector matches anywhere, inside of nested models too; matching none is an answer, no mistake."""

from __future__ import annotations

from collections.abc import Iterable

from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.enclosed import enclosed
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.matches import is_class
from spec_compiler.graph.resolve import fits, resolve_term
from spec_compiler.language.selectors import Selector, Term


def anywhere(selector: Selector, graph: Graph) -> tuple[str, ...]:
    """The names of the layers that any element of a selector matches; those inside of closed models as `model/layer`.

    Inside, a name or a pattern means a layer by its own name as well as by the one that has the model's in front.
    """
    inside = dict(enclosed(graph))  # asked as it is: to open every call of every model could take for ever
    layers = {**graph.layers, **inside}
    chosen = _names(selector.terms, graph, inside)
    if selector.excluded is not None:
        chosen -= _names(selector.excluded.terms, graph, inside)
    where = selector.where.items()
    return tuple(
        name
        for name, layer in layers.items()
        if name in chosen and all(fits(layer, key, value) for key, value in where)
    )


def _names(terms: Iterable[Term], graph: Graph, inside: dict[str, LayerSpec]) -> set[str]:
    found: set[str] = set()
    for term in terms:
        found |= _outside(term, graph)
        found |= {name for name, layer in inside.items() if _is_meant(term, name, layer)}
    return found


def _outside(term: Term, graph: Graph) -> set[str]:
    ends = term.parts if term.form == "range" else (term.text,)
    if term.form in ("name", "range") and not all(end in graph.nodes or end in graph.calls for end in ends if end):
        return set()  # the error would look for near names, which nobody reads
    try:
        return {graph.nodes[name].layer for name in resolve_term(term, graph)}
    except SpecError:
        return set()


def _is_meant(term: Term, name: str, layer: LayerSpec) -> bool:
    names = (name, name.rpartition("/")[2])
    if term.form == "type":
        return is_class(layer, term.parts[0])
    if term.form == "inside":
        return name.startswith(f"{term.whose}/")
    if term.form in ("regex", "glob"):
        return any(map(term.matches(), names))
    return term.form == "name" and term.text in names
