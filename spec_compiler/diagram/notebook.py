"""What a plan shows of itself in a notebook: figures, promises and a picture where there is an engine, and as text a
tree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from spec_compiler.diagnostics.cells import (
    Kind,
    Markup,
    badge,
    cards,
    cell,
    code,
    element,
    folded,
    heading,
    picture,
    said,
)
from spec_compiler.diagram.dot import to_dot
from spec_compiler.diagram.draw import DrawError, render
from spec_compiler.diagram.label import shape_text
from spec_compiler.diagram.tree import to_tree
from spec_compiler.graph import Graph
from spec_compiler.plan import Action, Plan
from spec_compiler.plan.contracted import row
from spec_compiler.plan.ledger_cell import promised
from spec_compiler.plan.left_out import left_lines

SMALLEST = 0.72  # of its size: where a cell is too narrow for that, a picture scrolls and is still read
_KINDS: dict[Action, Kind] = {"new": "new", "changed": "changed", "dropped": "dropped", "kept": ""}


def mimebundle(plan: Plan, *, note: str = "", below: Iterable[Markup] = ()) -> dict[str, str]:
    """The plan as HTML and as text, by MIME type; `note` goes below the text, `below` below the rest.

    >>> from spec_compiler.graph import Graph
    >>> empty = Graph("empty", {}, {}, (), ())
    >>> mimebundle(Plan("nothing", empty, empty))["text/plain"]
    'nothing: diff'
    """
    made = [f"weights of {' · '.join(row(each))}" for each in plan.contracts]
    tree = to_tree(plan, "diff").rstrip("\n")
    page = cell(*_figures(plan), *_picture(plan, tree), *_promises(plan), *below)
    return {"text/html": page, "text/plain": "\n".join(filter(None, (tree, *made, note)))}


def _figures(plan: Plan) -> Iterator[Markup]:
    counts = [badge(f"{plan.count(action)} {action}", kind) for action, kind in _KINDS.items() if plan.count(action)]
    yield heading(plan.name, element("span", f"from {plan.before.name}"), *counts)
    before, after = plan.before, plan.after
    frozen, trained = plan.num_frozen, after.num_parameters - plan.num_frozen
    figures: list[tuple[str, object, object]] = [
        ("parameters", f"{after.num_parameters:,}", f"were {before.num_parameters:,}"),
    ]
    if plan.phases:
        figures += [
            (f"train in {each.name}", f"{each.num_trained:,}", f"{each.epochs} epoch{'s' if each.epochs > 1 else ''}")
            for each in plan.phases
        ]
    else:
        figures.append(("train", f"{trained:,}", f"{frozen:,} are frozen"))
    for what in ("input", "output"):
        now, was = _ends(after, what), _ends(before, what)
        figures.append((what, now, f"was {was}" if was != now else ""))
    yield cards(figures)


def _ends(graph: Graph, what: str) -> str:
    refs = graph.input_refs if what == "input" else graph.output_refs
    shapes = [shape_text(spec.shape) for ref in refs if (spec := graph.spec_of(ref)) is not None]
    return ", ".join(shapes[:2]) + (f" and {len(shapes) - 2} more" if len(shapes) > 2 else "")


def _picture(plan: Plan, tree: str) -> Iterator[Markup]:
    try:
        svg = render(to_dot(plan, "diff"), "svg")
    except DrawError:
        yield code(tree)
        return
    found = re.search(rb'<svg width="([0-9.]+)pt"', svg)
    pixels = float(found[1]) * 4 / 3 if found else 0
    least = f"{pixels * SMALLEST:.0f}px"
    yield picture("image/svg+xml", svg, f"{plan.name}: what changes", least=least, flips=True)
    yield folded("as text", code(tree))


def _promises(plan: Plan) -> Iterator[Markup]:
    yield from promised(plan.contracts)
    for each in plan.promises:
        yield element(
            "p",
            badge("holds" if each.found is not None else "after training", "good" if each.found else ""),
            " ",
            said(each.text),
        )
    for line in left_lines(plan):
        yield element("p", line, kind="muted")
