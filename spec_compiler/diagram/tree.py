"""A plan as lines of text, for a terminal: one line for each box, with rails where the model branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

from spec_compiler.diagnostics.printable import printable, printable_lines
from spec_compiler.diagram.label import box_changes, box_facts, box_kind
from spec_compiler.diagram.picture import Box, Drawing, draw_up
from spec_compiler.plan import Plan

SIGNS = {"kept": " ", "toggled": "*", "changed": "~", "new": "+", "dropped": "-"}
DOTS = {"input": "◇", "layer": "●", "operation": "○", "model": "▣", "fold": "▤"}
NAMES_UP_TO = 40  # characters; what follows a longer name is not aligned
MOST_RAILS = 24  # what branches wider than this is drawn without rails


def to_tree(plan: Plan, view: str, *, unfold: bool = False, context: int = 1) -> str:
    """A picture of the plan as text, with the boxes and folds of `to_dot`; each line begins with its sign.

    Raises:
        ValueError: an unknown view.

    >>> from spec_compiler.graph import Graph
    >>> empty = Graph("empty", {}, {}, (), ())
    >>> to_tree(Plan("nothing", empty, empty), "diff")
    'nothing: diff\\n'
    """
    drawings = draw_up(plan, view, unfold=unfold, context=context)
    lines = [printable(plan.name.replace("\n", " ")) + f": {view}"]
    for drawing in drawings:
        lines += [f"{drawing.column}:"] if len(drawings) > 1 else []
        lines += _lines(drawing)
    return printable_lines("\n".join(lines)) + "\n"


def _lines(drawing: Drawing) -> Iterator[str]:
    rows = list(_rails(drawing))
    width = max((len(rails) for rails, _ in rows), default=0)
    boxes = [box for _, box in rows if box is not None]
    names = max((len(_name(box)) for box in boxes if len(_name(box)) <= NAMES_UP_TO), default=0)
    kinds = max((len(box_kind(box)) for box in boxes), default=0)
    for rails, box in rows:
        if box is None:
            yield f"  {rails}".rstrip()
            continue
        facts = " · ".join([*box_facts(box), *_badges(box), *(f"{what} {change}" for what, change in box_changes(box))])
        yield f"{SIGNS[box.state]} {rails:<{width}}  {_name(box):<{names}}  {box_kind(box):<{kinds}}  {facts}".rstrip()


def _name(box: Box) -> str:
    return printable_lines(box.title).replace("\n", " ")


def _badges(box: Box) -> list[str]:
    freezing = box.freezing if box.freezing != "trainable" else ""
    return list(filter(None, (freezing, box.share, "output" if box.is_output else "")))


def _rails(drawing: Drawing) -> Iterator[tuple[str, Box | None]]:
    """Each box with the rails beside it, and the rows in which rails part and meet."""
    boxes = {box.key: box for box in drawing.boxes}
    sources: dict[str, list[str]] = {key: [] for key in boxes}
    targets: dict[str, list[str]] = {key: [] for key in boxes}
    for arrow in drawing.arrows:
        sources[arrow.target].append(arrow.source)
        targets[arrow.source].append(arrow.target)
    order = _order(sources)
    place = {key: index for index, key in enumerate(order)}
    lanes: list[str | None] = []  # the box that each rail leads to
    for key in order:
        here = [index for index, target in enumerate(lanes) if target == key]
        column = here[0] if here else _taken(lanes, 0, key)
        if len(here) > 1:
            yield _joint(lanes, column, here[1:], "╯", "┴"), None
        for index in here[1:]:
            lanes[index] = None
        yield _row(lanes, column, DOTS[boxes[key].kind]), boxes[key]
        # What comes next in the list goes on in this lane, so that a chain is one straight rail.
        after = sorted(targets[key], key=place.__getitem__)
        lanes[column] = after[0] if after else None
        opened = [_taken(lanes, column + 1, target) for target in after[1:]]
        if opened:
            yield _joint(lanes, column, opened, "╮", "┬"), None
        while lanes and lanes[-1] is None:
            lanes.pop()


def _order(sources: dict[str, list[str]]) -> list[str]:
    """Boxes in an order that runs down one branch before it begins the next."""
    sorter: TopologicalSorter[str] = TopologicalSorter(sources)
    try:
        sorter.prepare()
    except CycleError:
        return list(sources)
    rank = {key: index for index, key in enumerate(sources)}
    order: list[str] = []
    ready: list[str] = []  # a stack: what just became ready goes on where its source ended
    while sorter.is_active():
        ready += sorted(sorter.get_ready(), key=rank.__getitem__, reverse=True)
        order.append(ready.pop())
        sorter.done(order[-1])
    return order


def _taken(lanes: list[str | None], start: int, target: str) -> int:
    """The first free lane from `start` on, which leads to the box from now on."""
    free = next((index for index in range(start, len(lanes)) if lanes[index] is None), len(lanes))
    lanes[free : free + 1] = [target]
    return free


def _row(lanes: Sequence[str | None], column: int, dot: str) -> str:
    if len(lanes) > MOST_RAILS:
        return dot
    return " ".join(dot if index == column else "│" if lane else " " for index, lane in enumerate(lanes)).rstrip()


def _joint(lanes: Sequence[str | None], column: int, others: Sequence[int], end: str, middle: str) -> str:
    """The row in which a rail parts into others, or takes them in; it passes behind the rails between."""
    # More rails than that leave no room for names, and nobody can follow them.
    if len(lanes) > MOST_RAILS:
        return ""
    last = max(others)
    text = ""
    for index, lane in enumerate(lanes):
        inside = column < index < last
        if index == column:
            sign = "├"
        elif index in others:
            sign = end if index == last else middle
        else:
            sign = "│" if lane else "─" if inside else " "
        text += sign + ("─" if column <= index < last else " ")
    return text.rstrip()
