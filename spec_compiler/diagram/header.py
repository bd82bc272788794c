"""The header of a picture: title, base, parameters before and after, and a legend of what the picture holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from spec_compiler.diagram.label import freezing_badge
from spec_compiler.diagram.look import INK, LOOKS, MUTED, NORMAL, PALE, SMALL, STROKES, TITLE
from spec_compiler.diagram.markup import Badge, clean, font, framed, label, row, strip, word, wrapped
from spec_compiler.diagram.merged import State
from spec_compiler.diagram.picture import Drawing
from spec_compiler.graph import Graph
from spec_compiler.plan import Plan

GAP = Badge(" ", 8)
HEADINGS: dict[str, str] = {
    "before": "the base, marked with what will happen to it",
    "after": "the result",
    "side-by-side": "before and after",
    "diff": "what changes",
}
STATES: tuple[Literal["new", "dropped", "changed"], ...] = ("new", "dropped", "changed")
IN_A_ROW = 4  # entries of the legend


def header(plan: Plan, view: str, drawings: Sequence[Drawing]) -> str:
    """The label of the whole picture."""
    size = f"{_size(plan.before)} → {_size(plan.after)} parameters"
    rows = [
        row(f"{font(f'<B>{wrapped(plan.name)}</B>', TITLE, INK)}"),
        row(font(f"{HEADINGS[view]} · base {clean(plan.before.name)} · {size}", NORMAL, MUTED)),
    ]
    entries = _legend(drawings)
    rows += ['<TR><TD HEIGHT="4"></TD></TR>'] if entries else []
    lines = (entries[start : start + IN_A_ROW] for start in range(0, len(entries), IN_A_ROW))
    rows += [row(strip([badge for entry in line for badge in entry], "LEFT", 18)) for line in lines]
    return label([*rows, '<TR><TD HEIGHT="10"></TD></TR>'])


def column_label(graph: Graph, column: str) -> str:
    """The heading of one column of `side-by-side`."""
    count = f"{len(graph.layers)} layers · {_size(graph)} parameters"
    return label([row(f"{font(f'<B>{column}</B>', NORMAL + 2, INK)} {font(f'  {count}', SMALL, MUTED)}")])


def _legend(drawings: Sequence[Drawing]) -> list[list[Badge]]:
    """What a state looks like, one entry each, as far as the picture holds it."""
    boxes = [box for drawing in drawings for box in drawing.boxes]
    arrows = {arrow.state for drawing in drawings for arrow in drawing.arrows}
    entries: list[list[Badge]] = []
    for state in STATES:
        stroke = STROKES[state]
        sign = Badge(font(f"<B>{stroke.sign}</B>", SMALL, LOOKS[state].line), 20)
        if any(box.state == state for box in boxes):
            entries.append([_swatch(state), *([sign] if state in arrows else []), word(LOOKS[state].word), GAP])
        elif state in arrows:
            entries.append([sign, word(stroke.word), GAP])
    for freezing in sorted({box.freezing for box in boxes if "→" in box.freezing}):
        entries.append([freezing_badge(freezing), GAP])
    if any(box.kind == "fold" for box in boxes):
        frame = f'COLOR="{LOOKS["kept"].line}" BGCOLOR="{PALE}"'
        entries.append([Badge(font("a … b"), 34, frame, 1), word("a run of layers, folded"), GAP])
    return entries


def _swatch(state: State) -> Badge:
    look = LOOKS[state]
    style = 'STYLE="DASHED" ' if look.style == "dashed" else ""
    line, mark = f'{style}COLOR="{look.line}"', font(f"<B>{look.mark}</B>", SMALL - 1, look.line)
    if look.peripheries == 1:
        return Badge(mark, 24, f'{line} BGCOLOR="{look.fill}"', round(look.width))
    return Badge(framed(Badge(mark, 20, f'{line} BGCOLOR="{look.fill}"', 1), 14), 24, line, 1)


def _size(graph: Graph) -> str:
    layers = graph.layers.values()
    # Only Keras knows the variables of a new layer: until it has built one, or remembers it, there is no size to say.
    unknown = any(layer.is_new and layer.variables is None and layer.kind in ("layer", "model") for layer in layers)
    return "?" if unknown else f"{graph.num_parameters:,}"
