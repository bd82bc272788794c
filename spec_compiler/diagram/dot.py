"""A plan as a picture in Graphviz's DOT language."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagram.header import column_label, header
from spec_compiler.diagram.label import box_label, tooltip
from spec_compiler.diagram.look import FONT, LOOKS, NORMAL, PALE, STROKES
from spec_compiler.diagram.markup import attributes, quoted
from spec_compiler.diagram.picture import VIEWS, Arrow, Box, Drawing, View, draw_up
from spec_compiler.plan import Plan

Attributes = dict[str, str | int | float]

SHAPES = {"input": "box", "layer": "box", "operation": "component", "model": "folder", "fold": "box3d"}


WIDE_UP_TO = 2  # branches; where more stand side by side, boxes are narrow and taller


def to_dot(plan: Plan, view: str, *, unfold: bool = False, context: int = 1) -> str:
    """A picture of the plan as DOT text: `before`, `after`, `side-by-side` or `diff`.

    Each call of a layer is a box. In graphs of more than 40 of them, runs to which one and the same thing happens
    fold into one box each, except for what lies within `context` edges of a change. `unfold` draws everything.

    Raises:
        ValueError: an unknown view.
    """
    if view not in VIEWS:
        raise ValueError(f"unknown view `{view}`, expected one of {', '.join(VIEWS)}")
    known: View = VIEWS[VIEWS.index(view)]
    drawings = draw_up(plan, known, unfold=unfold, context=context)
    return "\n".join(("digraph {", *_statements(plan, known, drawings), "}", ""))


def _statements(plan: Plan, view: View, drawings: tuple[Drawing, ...]) -> Iterator[str]:
    title = f"{plan.name}: {view}"
    page: Attributes = {
        "label": header(plan, view, drawings),
        "labelloc": "t",
        "labeljust": "l",
        "bgcolor": "white",
        "pad": 0.25,
    }
    room: Attributes = {"nodesep": 0.25, "ranksep": 0.3, "newrank": "true", "splines": "polyline", "tooltip": title}
    yield f"  graph {attributes({**page, **room, 'fontname': FONT})}"
    yield f"  node {attributes({'fontname': FONT, 'fontsize': NORMAL, 'height': 0.1})}"
    yield f"  edge {attributes({'fontname': FONT, 'arrowsize': 0.6})}"
    narrow = any(drawing.breadth > WIDE_UP_TO for drawing in drawings)
    if len(drawings) == 1:
        yield from _drawing(drawings[0], "", narrow)
        return
    for drawing in drawings:
        graph = plan.before if drawing.column == "before" else plan.after
        frame = {"label": column_label(graph, drawing.column), "labeljust": "l", "color": "#D0D7DE", "style": "rounded"}
        yield f"  subgraph {quoted(f'cluster_{drawing.column}')} {{"
        yield f"    graph {attributes({**frame, 'margin': 14})}"
        yield from ("  " + line for line in _drawing(drawing, f"{drawing.column}/", narrow))
        yield "  }"
    yield from _level(*drawings)


def _drawing(drawing: Drawing, prefix: str, narrow: bool) -> Iterator[str]:
    for box in drawing.boxes:
        yield f"  {quoted(prefix + box.key)} {attributes(_box(box, narrow))}"
    aside = {box.key for box in drawing.boxes if box.state == "dropped" and drawing.column == "diff"}
    for arrow in drawing.arrows:
        weight = 1 if (arrow.source in aside) != (arrow.target in aside) else 4  # heavy arrows are short and straight
        ends = f"{quoted(prefix + arrow.source)} -> {quoted(prefix + arrow.target)}"
        yield f"  {ends} {attributes({**_arrow(arrow), 'weight': weight})}"


def _box(box: Box, narrow: bool) -> Attributes:
    look = LOOKS[box.state]
    rounded = "rounded," if box.kind == "layer" else ""
    fill = PALE if box.kind in ("fold", "input") and look.word == "kept" else look.fill
    return {
        "shape": SHAPES[box.kind],
        "style": f"{rounded}filled,{look.style}",
        "color": look.line,
        "fillcolor": fill,
        "penwidth": look.width,
        "peripheries": look.peripheries,
        "margin": "0.17,0.05" if box.kind == "fold" else "0.08,0.04",
        "class": box.state,
        "tooltip": tooltip(box),
        "label": box_label(box, narrow=narrow),
    }


def _arrow(arrow: Arrow) -> Attributes:
    stroke = STROKES[arrow.state]
    found: Attributes = {"color": stroke.color}
    if arrow.state != "kept":
        found |= {"style": stroke.style, "penwidth": stroke.width, "class": arrow.state, "tooltip": stroke.word}
    return found


def _level(before: Drawing, after: Drawing) -> Iterator[str]:
    """Puts what is in both columns at the same height, the one before at the left."""
    there = {box.key for box in after.boxes}
    for box in before.boxes:
        if box.key in there:
            left, right = quoted(f"before/{box.key}"), quoted(f"after/{box.key}")
            yield f"  {{ rank=same; {left}; {right}; {left} -> {right} [style=invis weight=0] }}"
