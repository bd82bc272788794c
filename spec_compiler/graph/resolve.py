"""Selector -> names of nodes in a graph. Zero matches are always an error, at the element that missed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, did_you_mean, write
from spec_compiler.graph import Graph
from spec_compiler.graph.same_arguments import arguments_of, has_argument
from spec_compiler.graph.unresolved import in_keyword, is_class, no_layer, nothing
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.language.selectors import Selector, Term

MOST_PROBLEMS = 10  # of one selector that are told: each is compared with every name of the model


def resolve(selector: Selector, graph: Graph) -> tuple[str, ...]:
    """The names of the nodes that a selector matches, in the graph's order.

    Raises:
        SpecError: SC201 or SC206 at the element that matches nothing, SC301 for a range without a path, SC207 for
            another count than `expect`. Paths are relative to the selector's value.
    """
    problems: list[Diagnostic] = []
    chosen: set[str] = set()
    for term in selector.terms:
        if len(problems) >= MOST_PROBLEMS:
            break
        try:
            chosen |= resolve_term(term, graph)
        except SpecError as error:
            problems += error.diagnostics
    if selector.excluded is not None:
        try:
            chosen -= set(resolve(selector.excluded, graph))
        except SpecError as error:
            problems += error.diagnostics
    if problems:
        raise SpecError(problems)
    if selector.where:
        chosen = _where(selector.where, chosen, graph)
    layers = {graph.nodes[name].layer for name in chosen}
    if selector.expect is not None and len(layers) != selector.expect:
        sample = ", ".join(f"`{name}`" for name in graph.in_order(chosen)[:5])
        raise SpecError.single(
            "SC207",
            f"`{selector.text}` matches {len(layers)} layers, `expect` says {selector.expect}",
            path=("expect",),
            help=f"it matches {sample}{' …' if len(chosen) > 5 else ''}" if chosen else "it matches none",
        )
    if not chosen:
        raise SpecError.single("SC201", f"`{selector.text}` matches no layer after `except`", path=("layers",))
    return graph.in_order(chosen)


def resolve_one(selector: Selector, graph: Graph, wanted: str) -> str:
    """The one node that a selector matches, for a field that takes a single layer.

    Raises:
        SpecError: as `resolve`, SC205 where it matches several layers, SC208 where it matches one that is called
            more than once.
    """
    found = resolve(selector, graph)
    if len(found) == 1:
        return found[0]
    layers = {graph.nodes[name].layer for name in found}
    if len(layers) == 1:
        raise SpecError.single(
            "SC208",
            f"`{next(iter(layers))}` is called {len(found)} times, {wanted} needs one call",
            path=_first_path(selector),
            help=f"say which: {', '.join(f'`{name}`' for name in found[:4])}",
        )
    raise SpecError.single(
        "SC205",
        f"`{selector.text}` matches {len(found)} layers, {wanted} takes one",
        path=_first_path(selector),
        help=f"name one of them, for example `{found[-1]}`",
    )


def _first_path(selector: Selector) -> Path:
    return selector.terms[0].path if len(selector.terms) == 1 else selector.path


def resolve_term(term: Term, graph: Graph) -> set[str]:
    """The nodes that one element matches, never none."""
    named = _by_name(term.text, graph)
    if named:  # a name that looks like another form is still a name
        return named
    if term.form == "keyword":
        found = {node for node in graph.nodes if in_keyword(graph.layer_of(node), term.text)}
    elif term.form == "slice":
        found = _slice(term, graph)
    elif term.form == "range":
        return _range(term, graph)
    elif term.form == "type":
        found = {node for node in graph.nodes if is_class(graph.layer_of(node), term.parts[0])}
    elif term.form == "regex":
        matches = term.matches()
        found = {name for name, node in graph.nodes.items() if matches(node.layer)}
    elif term.form == "glob":
        matches = term.matches()
        found = {name for name, node in graph.nodes.items() if matches(node.layer) or matches(name)}
    else:
        raise no_layer(term.text, graph, term.path)
    if not found:
        raise nothing(term, graph)
    return found


def _by_name(text: str, graph: Graph) -> set[str]:
    if text in graph.nodes:
        return {text}
    return set(graph.calls.get(text, ()))


def _slice(term: Term, graph: Graph) -> set[str]:
    start, stop = term.positions
    count = len(graph.positions)
    inside = graph.positions[start:stop]
    if not inside:
        raise SpecError.single(
            "SC201",
            f"`{term.text}` selects no position",
            path=term.path,
            help=f"the base has {count} layers, at positions 0 to {count - 1}"
            if count
            else "this base has no positions",
        )
    wanted = set(inside)
    return {name for name, node in graph.nodes.items() if node.layer in wanted and not graph.layers[node.layer].is_new}


def _range(term: Term, graph: Graph) -> set[str]:
    first, last = term.parts
    problems: list[Diagnostic] = []
    ends: list[set[str] | None] = [None, None]
    for index, name in enumerate((first, last)):
        if name:
            ends[index] = _by_name(name, graph)
            if not ends[index]:
                problems += no_layer(name, graph, term.path, term.chars(index)).diagnostics
    if problems:
        raise SpecError(problems)
    starts, stops = ends
    found = graph.descendants(starts) if starts is not None else set(graph.nodes)
    if stops is not None:
        found &= graph.ancestors(stops)
    if not found:
        assert starts is not None
        assert stops is not None
        backwards = bool(graph.descendants(stops) & graph.ancestors(starts))
        raise SpecError.single(
            "SC301",
            f"no path leads from `{first}` to `{last}`",
            path=term.path,
            help=write(f"{last}..{first}", f"the range runs backwards, write `{last}..{first}`")
            if backwards
            else "they are on different branches",
        )
    return found


def _where(where: Mapping[str, Any], chosen: set[str], graph: Graph) -> set[str]:
    arguments = {key for name in chosen for key in arguments_of(graph.layer_of(name))}
    for key in where:
        if key not in arguments:
            raise SpecError.single(
                "SC201",
                f"none of the selected layers has an argument `{key}`",
                path=("where", key),
                at_key=True,
                help=did_you_mean(key, arguments),
            )
    found = {
        name for name in chosen if all(has_argument(graph.layer_of(name), key, value) for key, value in where.items())
    }
    if not found:
        key = next(iter(where))
        there = dict.fromkeys(flow(arguments_of(graph.layer_of(name)).get(key)) for name in graph.in_order(chosen))
        values = ", ".join(f"`{each}`" for each in list(there)[:6])
        raise SpecError.single(
            "SC201",
            f"none of the {len(chosen)} selected layers has these arguments",
            path=("where",) if len(where) > 1 else ("where", key),
            help=f"their `{key}` is {values}{', …' if len(there) > 6 else ''}",
        )
    return found
