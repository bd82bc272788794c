"""A plan as a Mermaid flowchart, which code hosts draw inside Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from spec_compiler.diagnostics.printable import printable_lines
from spec_compiler.diagram.label import box_changes, box_facts, box_kind
from spec_compiler.diagram.look import INK, LOOKS, PALE, STROKES, WHITE
from spec_compiler.diagram.merged import ArrowState, State
from spec_compiler.diagram.picture import Box, Drawing, draw_up
from spec_compiler.plan import Plan

ARROWS: Mapping[ArrowState, str] = {"kept": "-->", "changed": "-->", "new": "==>", "dropped": "-.->"}
SHAPES = {
    "input": ('(["', '"])'),
    "layer": ('("', '")'),
    "operation": ('[/"', '"/]'),
    "model": ('[["', '"]]'),
    "fold": ('["', '"]'),
}
# In labels these mean something to Mermaid, to HTML, or to Markdown, as which Mermaid reads every label.
SPECIAL = re.compile(r"""["#&;<>`*~|\\\[\]$]|(?<![^\W_])_|_(?![^\W_])""")


def to_mermaid(plan: Plan, view: str, *, unfold: bool = False, context: int = 1) -> str:
    """A picture of the plan as a Mermaid flowchart, with the boxes and folds of `to_dot`.

    Raises:
        ValueError: an unknown view.

    >>> from spec_compiler.graph import Graph
    >>> empty = Graph("empty", {}, {}, (), ())
    >>> to_mermaid(Plan("nothing", empty, empty), "diff").splitlines()[0]
    'flowchart TD'
    """
    drawings = draw_up(plan, view, unfold=unfold, context=context)
    return "\n".join(("flowchart TD", *_statements(plan, view, drawings), ""))


def _statements(plan: Plan, view: str, drawings: tuple[Drawing, ...]) -> Iterator[str]:
    yield f"  accTitle: {_plain(f'{plan.name}: {view}')}"
    # Nodes have numbers for names: a layer called `end` would close a subgraph.
    ids: dict[tuple[str, str], str] = {}
    classes: dict[State, list[str]] = {}
    for drawing in drawings:
        indent = "  "
        if len(drawings) > 1:
            yield f'  subgraph {drawing.column}["{drawing.column}"]'
            indent = "    "
        for box in drawing.boxes:
            ids[drawing.column, box.key] = node = f"n{len(ids)}"
            classes.setdefault(box.state, []).append(node)
            opening, closing = SHAPES[box.kind]
            yield f"{indent}{node}{opening}{_label(box)}{closing}"
        for arrow in drawing.arrows:
            source, target = ids[drawing.column, arrow.source], ids[drawing.column, arrow.target]
            yield f"{indent}{source} {ARROWS[arrow.state]} {target}"
        if len(drawings) > 1:
            yield "  end"
    for state, boxes in classes.items():
        look = LOOKS[state]
        dashes = ",stroke-dasharray:5 4" if look.style == "dashed" else ""
        fill = PALE if look.fill == WHITE else look.fill
        width = 3 if state == "new" else 2 if state != "kept" else 1
        yield f"  classDef {state} fill:{fill},stroke:{look.line},stroke-width:{width}px,color:{INK}{dashes}"
        yield f"  class {','.join(boxes)} {state}"
    # Mermaid's links have no classes; `linkStyle` counts them in the order of the text.
    states = [arrow.state for drawing in drawings for arrow in drawing.arrows]
    for arrow_state in ("changed", "new", "dropped"):
        numbers = [str(index) for index, state in enumerate(states) if state == arrow_state]
        if numbers:
            color = STROKES[arrow_state].color.partition(":")[0]
            yield f"  linkStyle {','.join(numbers)} stroke:{color}"


def _label(box: Box) -> str:
    look = LOOKS[box.state]
    state = look.word if look.mark else ""
    badges = [box_kind(box), state, box.share, "output" if box.is_output else ""]
    size = [*box_facts(box), box.freezing if box.freezing != "trainable" else ""]
    lines = [" · ".join(filter(None, texts)) for texts in (badges, size)]
    lines += [f"{what} {change}" for what, change in box_changes(box)]
    title = f"<b>{f'{look.mark} ' if look.mark else ''}{_text(box.title)}</b>"
    return "<br/>".join((title, *(_text(line) for line in lines if line)))


def _text(text: str) -> str:
    """Any text as the text of a label that shows it as it is: what means something is written as its code.

    >>> _text('say "hi" <b>')
    'say #34;hi#34; #60;b#62;'
    """
    # An empty label is an error to Mermaid's parser; a no-break space is not.
    return SPECIAL.sub(lambda sign: f"#{ord(sign[0])};", printable_lines(text).replace("\n", " ")) or "#160;"


def _plain(text: str) -> str:
    """A title is one line, in which `#` and `;` alone would end it."""
    return re.sub(r"[#;]", " ", printable_lines(text).replace("\n", " ")).strip() or "model"
