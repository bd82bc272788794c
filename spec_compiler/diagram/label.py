"""What stands in a box: name, class, output shape, size, whether it is frozen, and what happens to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spec_compiler.diagram.look import FROZEN_FILL, INK, LOOKS, MUTED, NORMAL, SMALL, TOGGLED_FILL, TOGGLED_LINE, WHITE
from spec_compiler.diagram.markup import BREAK, LINE_LENGTH, SPACE, Badge, badge, clean, font, label, row, word, wrapped
from spec_compiler.diagram.picture import Box
from spec_compiler.graph.layer_spec import Shape

WIDE, NARROW = 288, 150  # points; boxes of one width line up
FOLD_LENGTH = 26  # characters; in narrow boxes, both ends of a longer fold have lines of their own
LONGEST_VALUE = 40  # characters
MOST_DETAILS = 4


def box_label(box: Box, *, narrow: bool = False) -> str:
    """The label of a box, as Graphviz's HTML-like markup. Narrow ones have a line for each fact."""
    name = _name(box, FOLD_LENGTH if narrow else LINE_LENGTH)
    kind = font(("" if narrow else SPACE) + clean(box_kind(box)), SMALL, MUTED)
    shape, details = _split_details(box)
    facts = box_facts(box)
    lines: list[tuple[str, list[Badge]]]
    if narrow:
        lines = [(name, _badges(box)), *([(kind, [])] if box_kind(box) else [])]
    else:
        lines = [(f"{name} {kind}" if box_kind(box) else name, _badges(box))]
        facts = [" · ".join(facts)] if facts else []
    lines += [(line, []) for line in shape]
    for number, fact in enumerate(facts, start=1):
        beside = box.freezing and number == len(facts)  # the number of parameters
        lines.append((_small(fact), [freezing_badge(box.freezing)] if beside else []))
    lines += [(line, []) for line in details]
    rows = [row(line, badges, width=NARROW if narrow else WIDE) for line, badges in lines]
    # Graphviz draws the lid of `box3d` inside of the node, over what the label has there.
    lid = '<TR><TD HEIGHT="3"></TD></TR>'
    return label([lid, *rows] if box.kind == "fold" else rows)


def tooltip(box: Box) -> str:
    """The same in plain words, for the mouse and for screen readers."""
    lines = [f"{box.name} … {box.last}" if box.last else f"{box.name} ({box.class_name})"]
    if box.state not in ("kept", "toggled"):
        lines.append(LOOKS[box.state].word)
    lines += box_facts(box)
    lines += [box.freezing] if box.freezing else []
    lines += [f"{what} {change}" for what, change in box_changes(box)]
    return "\n".join(lines)


def freezing_badge(freezing: str) -> Badge:
    """`frozen` and what differs from before get a frame; `trainable`, the usual case, is plain text."""
    if "→" in freezing:
        return badge(freezing, TOGGLED_LINE, TOGGLED_FILL)
    if freezing == "trainable":
        return word(freezing, MUTED)
    return badge(freezing, MUTED, FROZEN_FILL)


def box_changes(box: Box) -> list[tuple[str, str]]:
    """What differs in a changed box besides its size, as `(what, "before → after")`."""
    return [(what, change_text(before, after)) for what, before, after in box.details if what != "parameters"]


def shape_text(shape: Shape) -> str:
    """A shape as Keras prints it.

    >>> shape_text((None, 224, 224, 3))
    '(None, 224, 224, 3)'
    """
    return str(tuple(shape))


def _name(box: Box, line_length: int) -> str:
    name = wrapped(box.name)
    if box.title != box.name:
        name = clean(box.title) if len(box.title) <= line_length else f"{name} …{BREAK}{wrapped(box.last)}"
    name = font(f"<B>{name}</B>", NORMAL, INK)
    return f"<S>{name}</S>" if box.state == "dropped" else name


def box_kind(box: Box) -> str:
    """The class of a box's layer, and that it is a plain operation where it is one."""
    return f"{box.class_name} operation" if box.kind == "operation" else box.class_name


def _badges(box: Box) -> list[Badge]:
    look = LOOKS[box.state]
    badges = [badge(box.share, MUTED, WHITE)] if box.share else []
    badges += [badge("input", INK, INK, WHITE)] if box.kind == "input" else []
    badges += [badge("output", INK, INK, WHITE)] if box.is_output else []
    badges += [badge(f"{look.mark} {look.word}", look.line, look.line, WHITE)] if look.mark else []
    return badges


def box_facts(box: Box) -> list[str]:
    """Shape, contents, number of parameters; the shape only if it stays as it is."""
    facts, changed = [], {what: (before, after) for what, before, after in box.details}
    if box.kind == "fold":
        happened = {"kept": "unchanged", "toggled": "", "changed": "with another output shape"}.get(
            box.state, box.state
        )
        facts.append(f"{_layers(box)} {happened}".rstrip())
    elif box.shapes and "output shape" not in changed:
        rest = len(box.shapes) - 2  # a box has room for two shapes in a line
        facts.append(", ".join(map(shape_text, box.shapes[:2])) + (f" and {rest} more outputs" if rest > 0 else ""))
    if box.kind == "model":
        facts.append(f"{_layers(box)} inside")
    if box.wraps:
        facts.append(f"{box.wraps} inside, its weights stay")
    if box.weights:
        facts.append(f"weights adapted ({box.weights})")
    if "parameters" in changed:
        facts.append(f"{change_text(*changed['parameters'])} params")
    elif box.num_parameters:
        facts.append(f"{box.num_parameters:,} params")
    return facts


def _layers(box: Box) -> str:
    return "1 layer" if box.num_layers == 1 else f"{box.num_layers} layers"


def _split_details(box: Box) -> tuple[list[str], list[str]]:
    """The lines for a changed shape, and those for changed arguments."""
    lines = [
        (what, f"{font(f'<B>{clean(what)}</B>', SMALL, INK)} {_small(change)}") for what, change in box_changes(box)
    ]
    shape = [line for what, line in lines if what == "output shape"]
    details = [line for what, line in lines if what != "output shape"]
    if len(details) > MOST_DETAILS:
        details[MOST_DETAILS - 1 :] = [_small(f"and {len(details) - MOST_DETAILS + 1} more arguments")]
    return shape, details


def _small(text: str) -> str:
    return font(clean(text), SMALL, INK)


def change_text(before: Any, after: Any) -> str:
    """`before → after`, each short enough for a line; initializers and such by their classes where these differ."""
    # Of an object Keras's config has `{"module": …, "class_name": …, "config": …, "registered_name": …}`, as
    # keras/src/saving/serialization_lib.py writes it: too long for a box, and alike but for one word.
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        old, new = before.get("class_name"), after.get("class_name")
        before, after = (old, new) if old != new else (before, after)
    return f"{_value(before)} → {_value(after)}"


def _value(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, tuple) and value and all(isinstance(each, tuple) for each in value):
        return ", ".join(map(shape_text, value))
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
