"""What stands in a box: name, class, output shape, size, whether it is frozen, and what happens to it."""

from __future__ import annotations

from typing import Any

from spec_compiler.diagram.look import FROZEN_FILL, INK, LOOKS, MUTED, NORMAL, SMALL, TOGGLED_FILL, TOGGLED_LINE, WHITE
from spec_compiler.diagram.markup import BREAK, LINE_LENGTH, Badge, Side, badge, clean, font, row, table, word, wrapped
from spec_compiler.diagram.picture import Box
from spec_compiler.graph import Shape

WIDE, NARROW = 276, 150  # points, so that the boxes of a chain line up
MOST_DETAILS = 4
LONGEST_VALUE = 40  # characters


def box_label(box: Box, *, narrow: bool = False) -> str:
    """The label of a box, as Graphviz's HTML-like markup. Narrow ones have a line for each fact."""
    side: Side = "LEFT" if box.kind in ("layer", "model", "fold") else "CENTER"
    width = (NARROW if narrow else WIDE) if side == "LEFT" else 0
    kind, facts = font(clean(_kind(box)), SMALL, MUTED) if _kind(box) else "", _facts(box)
    if narrow:
        title, lines = _name(box), facts
    else:
        title, lines = f"{_name(box)} {kind}", [" · ".join(facts)] if facts else []
    rows = ['<TR><TD HEIGHT="3"></TD></TR>'] if box.kind == "fold" else []  # below the lid of the box
    rows.append(row(title, _badges(box), width=width, side=side))
    if narrow and kind:
        rows.append(row(kind, side=side))
    for number, line in enumerate(lines, start=1):
        with_badge = box.freezing and number == len(lines)  # beside the number of parameters
        rows.append(row(_small(line), [freezing_badge(box.freezing)] if with_badge else [], side=side))
    for what, before, after in box.details[:MOST_DETAILS]:
        rows.append(row(f"<B>{_small(what)}</B> {_small(_change(before, after))}", side=side))
    if len(box.details) > MOST_DETAILS:
        rows.append(row(_small(f"and {len(box.details) - MOST_DETAILS} more"), side=side))
    return table(rows)


def tooltip(box: Box) -> str:
    """The same in plain words, for the mouse and for screen readers."""
    lines = [f"{box.name} … {box.last}" if box.last else f"{box.name} ({box.class_name})"]
    if box.state not in ("kept", "toggled"):
        lines.append(LOOKS[box.state].word)
    lines += _facts(box)
    lines += [box.freezing] if box.freezing else []
    lines += [f"{what} {_change(before, after)}" for what, before, after in box.details]
    return "\n".join(lines)


def freezing_badge(freezing: str) -> Badge:
    """`frozen` and what differs from before get a frame; `trainable`, the usual case, is plain text."""
    if "→" in freezing:
        return badge(freezing, TOGGLED_LINE, TOGGLED_FILL)
    if freezing == "trainable":
        return word(freezing, MUTED)
    return badge(freezing, MUTED, FROZEN_FILL)


def shape_text(shape: Shape) -> str:
    """A shape as Keras prints it.

    >>> shape_text((None, 224, 224, 3))
    '(None, 224, 224, 3)'
    """
    return str(tuple(shape))


def _name(box: Box) -> str:
    name = wrapped(box.name)
    if box.last and box.last != box.name:
        together = f"{box.name} … {box.last}"
        name = clean(together) if len(together) <= LINE_LENGTH else f"{name} …{BREAK}{wrapped(box.last)}"
    name = font(f"<B>{name}</B>", NORMAL, INK)
    return f"<S>{name}</S>" if box.state == "dropped" else name


def _kind(box: Box) -> str:
    return f"{box.class_name} operation" if box.kind == "operation" else box.class_name


def _small(text: str) -> str:
    return font(clean(text), SMALL, INK)


def _badges(box: Box) -> list[Badge]:
    look = LOOKS[box.state]
    found = []
    index, count = box.call
    if count > 1:
        found.append(badge(f"shared, call {index + 1} of {count}", MUTED, WHITE))
    if box.is_output:
        found.append(badge("output", INK, INK, WHITE))
    if look.mark:
        found.append(badge(f"{look.mark} {look.word}", look.line, look.line, WHITE))
    return found


def _facts(box: Box) -> list[str]:
    facts = []
    if box.kind == "fold":
        happened = {"kept": "unchanged", "toggled": "", "changed": "with another output shape"}.get(
            box.state, box.state
        )
        facts.append(f"{box.num_layers} layers {happened}".rstrip())
    elif box.shapes and all(what != "output shape" for what, _, _ in box.details):
        rest = len(box.shapes) - 2
        facts.append(", ".join(map(shape_text, box.shapes[:2])) + (f" and {rest} more outputs" if rest > 0 else ""))
    if box.kind == "model":
        facts.append(f"{box.num_layers} layers inside")
    if box.num_parameters:
        facts.append(f"{box.num_parameters:,} params")
    return facts


def _change(before: Any, after: Any) -> str:
    return f"{_value(before)} → {_value(after)}"


def _value(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, tuple) and value and all(isinstance(each, tuple) for each in value):
        return ", ".join(map(shape_text, value))
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
