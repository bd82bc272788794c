"""A plan as a picture in Graphviz's DOT language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from spec_compiler.diagram.header import column_label, header
from spec_compiler.diagram.label import box_label, tooltip
from spec_compiler.diagram.look import FONT, INSIDE, LOOKS, PALE, STROKES, WHITE
from spec_compiler.diagram.markup import attributes, quoted
from spec_compiler.diagram.picture import Arrow, Box, Drawing, draw_up
from spec_compiler.plan import Plan

Attributes = dict[str, str | int | float]

SHAPES = {"input": "box", "layer": "box", "operation": "component", "model": "folder", "fold": "box3d"}


PAGE: Attributes = {
    "labelloc": "t",
    "labeljust": "l",
    "bgcolor": "white",
    "pad": 0.25,
    "nodesep": 0.25,
    "ranksep": 0.3,
    "newrank": "true",  # ranks across the two columns of `side-by-side`
    "splines": "polyline",  # curves swing out of their column
    "fontname": FONT,
}
NODES: Attributes = {
    "shape": "box",
    "style": "rounded,filled,solid",
    "color": LOOKS["kept"].line,
    "fillcolor": LOOKS["kept"].fill,
    "penwidth": LOOKS["kept"].width,
    "peripheries": 1,
    "margin": "0.08,0.04",
    "height": 0.1,
    "class": "kept",
    "fontname": FONT,
}
EDGES: Attributes = {
    "color": STROKES["kept"].color,
    "style": "solid",
    "penwidth": STROKES["kept"].width,
    "arrowsize": 0.6,
    "weight": 4,  # heavy arrows are short and straight
    "class": "kept",
    "tooltip": STROKES["kept"].word,
    "fontname": FONT,
}
FRAME: Attributes = {"color": "#D0D7DE", "style": "rounded", "margin": 14}

WIDE_UP_TO = 2  # branches; where more stand side by side, boxes are narrow and taller


def to_dot(plan: Plan, view: str, *, unfold: bool = False, context: int = 1) -> str:
    """A picture of the plan as DOT text: `before`, `after`, `side-by-side` or `diff`.

    Each call of a layer is a box. In graphs of more than 40 of them, runs to which one and the same thing happens
    fold into one box each, except for what lies within `context` edges of a change. `unfold` draws everything. A
    nested model is a frame around its layers, or around one box for more than 12 of them.

    Raises:
        ValueError: an unknown view.

    >>> from spec_compiler.graph import Graph
    >>> empty = Graph("empty", {}, {}, (), ())
    >>> to_dot(Plan("nothing", empty, empty), "diff").splitlines()[0]
    'digraph "nothing: diff" {'
    """
    drawings = draw_up(plan, view, unfold=unfold, context=context, nested=True)
    return "\n".join((f"digraph {quoted(f'{plan.name}: {view}')} {{", *_statements(plan, view, drawings), "}", ""))


def _statements(plan: Plan, view: str, drawings: tuple[Drawing, ...]) -> Iterator[str]:
    yield f"  graph {attributes({**PAGE, 'tooltip': f'{plan.name}: {view}', 'label': header(plan, view, drawings)})}"
    yield f"  node {attributes(NODES)}"
    yield f"  edge {attributes(EDGES)}"
    narrow = any(drawing.breadth > WIDE_UP_TO for drawing in drawings)
    if len(drawings) == 1:
        yield from _drawing(drawings[0], "", narrow)
        return
    for drawing in drawings:
        graph = plan.before if drawing.column == "before" else plan.after
        yield f"  subgraph {quoted(f'cluster_{drawing.column}')} {{"
        yield f"    graph {attributes({**FRAME, 'label': column_label(graph, drawing.column)})}"
        yield from ("  " + line for line in _drawing(drawing, f"{drawing.column}/", narrow))
        yield "  }"
    yield from _level(*drawings)


def _drawing(drawing: Drawing, prefix: str, narrow: bool) -> Iterator[str]:
    inside: dict[str, list[Box]] = {}
    for box in drawing.boxes:
        inside.setdefault(box.parent, []).append(box)
    for box in inside.get("", ()):
        if box.key not in inside:
            yield _node(box, prefix, narrow)
            continue
        yield f"  subgraph {quoted(f'cluster_{prefix}{box.key}')} {{"
        yield f"    graph {attributes(_frame(box))}"
        yield from ("  " + _node(each, prefix, narrow) for each in inside[box.key])
        yield "  }"
    aside = {box.key for box in drawing.boxes if box.state == "dropped" and drawing.column == "diff"}
    for arrow in drawing.arrows:
        own = _own(_arrow(arrow), EDGES)
        if (arrow.source in aside) != (arrow.target in aside):
            own["weight"] = 1  # a dropped branch stands aside, else it pulls the result out of its straight line
        ends = f"{quoted(prefix + arrow.source)} -> {quoted(prefix + arrow.target)}"
        yield f"  {ends} {attributes(own)}" if own else f"  {ends}"


def _node(box: Box, prefix: str, narrow: bool) -> str:
    return f"  {quoted(prefix + box.key)} {attributes(_own(_box(box, narrow), NODES))}"


def _own(values: Attributes, usual: Attributes) -> Attributes:
    """The values that are not the usual ones, which stand once at the head of the text."""
    return {name: value for name, value in values.items() if usual.get(name) != value}


def _frame(box: Box) -> Attributes:
    """The frame of a nested model with the label of its box; frames have one line, so a changed one is thicker."""
    look = LOOKS[box.state]
    title = replace(box, kind="layer", shapes=())  # without what is seen inside, and narrow: arrows pass beside it
    return {
        "style": f"rounded,filled,{look.style}",
        "color": look.line,
        "fillcolor": INSIDE if look.fill == WHITE else look.fill,
        "penwidth": look.width if look.peripheries == 1 else 2.6,
        "margin": 10,
        "class": box.state,
        "tooltip": tooltip(box),
        "label": box_label(title, narrow=True),
    }


def _box(box: Box, narrow: bool) -> Attributes:
    look = LOOKS[box.state]
    corners = "rounded,filled" if box.kind == "layer" else "filled"
    return {
        "shape": SHAPES[box.kind],
        "style": f"{corners},{look.style}",
        "color": look.line,
        "fillcolor": PALE if box.kind in ("fold", "input") and look.fill == WHITE else look.fill,
        "penwidth": look.width,
        "peripheries": look.peripheries,
        "margin": "0.17,0.05" if box.kind == "fold" else "0.08,0.04",
        "class": box.state,
        "tooltip": tooltip(box),
        "label": box_label(box, narrow=narrow),
    }


def _arrow(arrow: Arrow) -> Attributes:
    stroke = STROKES[arrow.state]
    return {
        "color": stroke.color,
        "style": stroke.style,
        "penwidth": stroke.width,
        "class": arrow.state,
        "tooltip": stroke.word,
    }


def _level(before: Drawing, after: Drawing) -> Iterator[str]:
    """Puts what is in both columns at the same height, the one before at the left."""
    # The invisible edge keeps the order from left to right; a frame is a cluster, which has no rank of its own.
    there = {box.key for box in after.boxes} - after.opened
    for box in before.boxes:
        if box.key in there:
            left, right = quoted(f"before/{box.key}"), quoted(f"after/{box.key}")
            yield f"  {{ rank=same; {left} -> {right} [style=invis weight=0] }}"
