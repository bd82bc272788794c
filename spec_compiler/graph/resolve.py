"""Selector -> names of nodes in a graph. Zero matches are always an error, at the element that missed."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, collected, did_you_mean, quoted, write
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.matches import in_keyword, is_class, is_wrapped
from spec_compiler.graph.same_arguments import arguments_of, has_argument
from spec_compiler.graph.unresolved import is_inside, no_layer, nothing, positions_of
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
        with collected(problems):
            chosen |= resolve_term(term, graph)
    if selector.excluded is not None:
        with collected(problems):
            chosen -= set(resolve(selector.excluded, graph))
    if problems:
        raise SpecError(problems)
    if selector.where:
        chosen = _where(selector.where, chosen, graph)
    layers = {graph.nodes[name].layer for name in chosen}
    if selector.expect is not None and len(layers) != selector.expect:
        sample = quoted(graph.in_order(chosen)[:5])
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
    nodes = resolve(selector, graph)
    if len(nodes) == 1:
        return nodes[0]
    layers = {graph.nodes[name].layer for name in nodes}
    if len(layers) == 1:
        raise SpecError.single(
            "SC208",
            f"`{next(iter(layers))}` is called {len(nodes)} times, {wanted} needs one call",
            path=_first_path(selector),
            help=f"say which: {quoted(nodes[:4])}",
        )
    raise SpecError.single(
        "SC205",
        f"`{selector.text}` matches {len(nodes)} layers, {wanted} takes one",
        path=_first_path(selector),
        help=f"name one of them, for example `{nodes[-1]}`",
    )


def _first_path(selector: Selector) -> Path:
    return selector.terms[0].path if len(selector.terms) == 1 else selector.path


def resolve_term(term: Term, graph: Graph) -> set[str]:
    """The nodes that one element matches, never none."""
    named = _by_name(term.text, graph)
    if named:  # a name that looks like another form is still a name
        return named
    if term.form == "name":
        raise no_layer(term.text, graph, term.path)
    if term.form == "range":
        return _range(term, graph)
    if term.form == "slice":
        nodes = _slice(term, graph)
    elif term.form == "inside":
        nodes = _of_the_base(graph, {name for name in graph.layers if is_inside(name, term.whose, graph)})
    elif term.form == "keyword":
        nodes = {node for node in graph.nodes if in_keyword(graph.layer_of(node), term.text)}
    elif term.form == "type":
        nodes = {node for node in graph.nodes if is_class(graph.layer_of(node), term.parts[0])}
    else:  # a glob may name calls as well, `tower@*`; an expression such as `/1$/` would match their numbers
        matches, is_glob = term.matches(), term.form == "glob"
        nodes = {name for name, node in graph.nodes.items() if matches(node.layer) or (is_glob and matches(name))}
    if not nodes:
        raise nothing(term, graph)
    return nodes


def _by_name(text: str, graph: Graph) -> set[str]:
    if text in graph.nodes:
        return {text}
    calls = graph.calls.get(text)
    if calls is None:  # a layer that another one wraps is that one
        return {name for name, node in graph.nodes.items() if is_wrapped(text, graph.layers[node.layer])}
    return set(calls)


def _slice(term: Term, graph: Graph) -> set[str]:
    start, stop = term.positions
    positions = positions_of(term.whose, graph)
    count = len(positions)
    if term.whose and not count:
        raise nothing(term, graph)
    inside = positions[start:stop]
    if not inside:  # Python's slices, past the end too; a spec that means nothing by one is told
        whose = f"`{term.whose}`" if term.whose else "the base"
        known = f"{whose} has {count} layers, at positions 0 to {count - 1}"
        message, help = f"`{term.text}` selects no position", known if count else "this base has no positions"
        raise SpecError.single("SC201", message, path=term.path, help=help)
    return _of_the_base(graph, set(inside))


def _of_the_base(graph: Graph, layers: set[str]) -> set[str]:
    """The calls of those of the layers that no edit made: one may have taken the name of another."""
    return {name for name, node in graph.nodes.items() if node.layer in layers and not graph.layers[node.layer].is_new}


def _range(term: Term, graph: Graph) -> set[str]:
    first, last = term.parts
    starts, stops = _by_name(first, graph), _by_name(last, graph)
    problems: list[Diagnostic] = []
    for index, (name, nodes) in enumerate(((first, starts), (last, stops))):
        if name and not nodes:
            problems += no_layer(name, graph, term.path, term.chars(index)).diagnostics
    if problems:
        raise SpecError(problems)
    between = graph.descendants(starts) if first else set(graph.nodes)
    if last:
        between &= graph.ancestors(stops)
    if term.is_open and between:
        between -= stops
        if not between:
            message = f"`{term.text}` selects no layer, nothing stands between the two"
            raise SpecError.single("SC201", message, path=term.path, help=f"`{first}..{last}` has its end as well")
    if not between:  # so both ends are named: each would be in its own half
        backwards = bool(graph.descendants(stops) & graph.ancestors(starts))
        turned = f"{last}..{'<' if term.is_open else ''}{first}"
        help = write(turned, f"the range runs backwards, write `{turned}`")
        message = f"no path leads from `{first}` to `{last}`"
        raise SpecError.single(
            "SC301", message, path=term.path, help=help if backwards else "they are on different branches"
        )
    return between


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
    narrowed = {name for name in chosen if all(fits(graph.layer_of(name), *each) for each in where.items())}
    if not narrowed:
        key = next(iter(where))
        values = dict.fromkeys(flow(arguments_of(graph.layer_of(name)).get(key)) for name in graph.in_order(chosen))
        wanted = where[key]
        otherwise = f"their `{key}` is {quoted(list(values)[:6])}{', …' if len(values) > 6 else ''}"
        raise SpecError.single(
            "SC201",
            f"none of the {len(chosen)} selected layers has these arguments",
            path=("where",) if len(where) > 1 else ("where", key),
            help=did_you_mean(wanted, values, otherwise) if isinstance(wanted, str) and len(where) == 1 else otherwise,
        )
    return narrowed


_BOUND = re.compile(r"(>=|<=|>|<)\s*([-+]?\d+(?:\.\d+)?)")
_COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


def fits(layer: LayerSpec, key: str, value: Any) -> bool:
    """Whether an argument has a value, or all its numbers keep to a bound such as `>=256`."""
    bound = _BOUND.fullmatch(value.strip()) if isinstance(value, str) else None
    if bound is None:
        return has_argument(layer, key, value)
    actual = arguments_of(layer).get(key)
    numbers = actual if isinstance(actual, list | tuple) else [actual]
    return bool(numbers) and all(
        isinstance(number, int | float) and not isinstance(number, bool) and _COMPARE[bound[1]](number, float(bound[2]))
        for number in numbers
    )
