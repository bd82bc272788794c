"""What a view of a plan shows: columns of boxes, and the arrows between them. No colours, no DOT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from itertools import product
from typing import Literal

from spec_compiler.diagram.fold import runs
from spec_compiler.diagram.merged import STATES, ArrowState, Call, Detail, Entry, Merged, State, merge
from spec_compiler.diagram.nested import Inside, inside
from spec_compiler.graph.layer_spec import Kind, Shape
from spec_compiler.plan import Plan

Column = Literal["before", "after", "diff"]
COLUMNS: Mapping[str, tuple[Column, ...]] = {  # of each view
    "before": ("before",),
    "after": ("after",),
    "side-by-side": ("before", "after"),
    "diff": ("diff",),
}
VIEWS = tuple(COLUMNS)

PARTLY = "partly frozen"


@dataclass(frozen=True)
class Box:
    """One call of a layer, or a fold: a run of them from `name` to `last` with `num_layers` layers.

    `freezing` is empty for what has no weights, otherwise `frozen`, `trainable`, `trainable → frozen`, `frozen →
    trainable` or, for a fold, `partly frozen` (`→ partly frozen` where that is not as it was). `parent` is the key of
    the nested model inside of which the box stands.
    """

    key: str
    state: State
    kind: Kind | Literal["fold"]
    name: str
    class_name: str = ""
    shapes: tuple[Shape, ...] = ()
    num_parameters: int = 0
    freezing: str = ""
    call: tuple[int, int] = (0, 1)
    details: tuple[Detail, ...] = ()
    is_output: bool = False
    num_layers: int = 0
    last: str = ""
    parent: str = ""
    wraps: str = ""  # the kept layer inside of a new one
    weights: str = ""  # of a new layer, the strategy by which they are made of the base's

    @property
    def title(self) -> str:
        """Its name; of a fold, the names at both ends."""
        return f"{self.name} … {self.last}" if self.last not in ("", self.name) else self.name

    @property
    def share(self) -> str:
        """Which call of a shared layer it is; empty for the only call of a layer."""
        index, count = self.call
        return f"shared, call {index + 1} of {count}" if count > 1 else ""


@dataclass(frozen=True)
class Arrow:
    """A connection between two boxes, by their keys."""

    source: str
    target: str
    state: ArrowState


@dataclass(frozen=True)
class Drawing:
    """One graph of a picture. In column `before` the boxes show what was, and are marked with what will happen."""

    column: Column
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    @property
    def opened(self) -> frozenset[str]:
        """The keys of the nested models that have boxes inside; no arrow leads to these models themselves."""
        return frozenset(box.parent for box in self.boxes if box.parent)

    @property
    def breadth(self) -> int:
        """How many boxes stand side by side at most."""
        opened = self.opened
        sorter: TopologicalSorter[str] = TopologicalSorter({box.key: () for box in self.boxes if box.key not in opened})
        for arrow in self.arrows:
            sorter.add(arrow.target, arrow.source)
        try:
            sorter.prepare()
        except CycleError:
            return len(self.boxes)
        widest = 0
        while sorter.is_active():
            level = sorter.get_ready()
            widest = max(widest, len(level))
            sorter.done(*level)
        return widest


def draw_up(
    plan: Plan, view: str, *, unfold: bool = False, context: int = 1, nested: bool = False
) -> tuple[Drawing, ...]:
    """The graphs that a view shows: before and after for `side-by-side`, one otherwise.

    Large graphs are folded (see `fold.runs`), and alike in every view, unless `unfold` is set. `nested` opens the
    nested models that no fold holds; the models inside of them stay closed.

    Raises:
        ValueError: an unknown view.
    """
    if view not in COLUMNS:
        raise ValueError(f"unknown view `{view}`, expected one of {', '.join(COLUMNS)}")
    # Folded before the columns are parted: a box of `side-by-side` stands beside the same run in the other column.
    merged = merge(plan)
    folds = () if unfold else runs(merged, context=context)
    folded = {key for group in folds for key in group}
    entries = merged.entries.items() if nested else ()
    insides = {key: model for key, entry in entries if key not in folded and (model := inside(entry))}
    return tuple(_drawing(merged, column, folds, insides, unfold=unfold) for column in COLUMNS[view])


def _drawing(
    merged: Merged,
    column: Column,
    folds: Sequence[tuple[str, ...]],
    insides: Mapping[str, Inside],
    *,
    unfold: bool,
) -> Drawing:
    fold_of = {key: group for group in folds for key in group}
    fold_keys = {group: _new_key(merged, f"{group[0]} … {group[-1]}") for group in folds}
    entries = {key: entry for key, entry in merged.entries.items() if _call(entry, column)}
    boxes: dict[str, Box] = {}
    box_of: dict[str, str] = {}
    arrows: dict[tuple[str, str], ArrowState] = {}
    box_inside: dict[tuple[str, str], str] = {}
    for key, entry in entries.items():
        group = fold_of.get(key)
        box_of[key] = fold_keys[group] if group else key
        if group is None:
            boxes[key] = _box(entry, column)
        elif box_of[key] not in boxes:
            boxes[box_of[key]] = _fold_box(box_of[key], [entries[each] for each in group], column)
        if key in insides:
            inner_folds = () if unfold else insides[key].folds()
            inner = _drawing(insides[key].merged, column, inner_folds, {}, unfold=unfold)
            keys = {box.key: _new_key(merged, f"{key}/{box.key}") for box in inner.boxes}
            for box in inner.boxes:  # an output of the model inside is none of the whole
                boxes[keys[box.key]] = replace(box, key=keys[box.key], parent=key, is_output=False)
            arrows |= {(keys[arrow.source], keys[arrow.target]): arrow.state for arrow in inner.arrows}
            for name in insides[key].merged.entries:
                box_inside[key, name] = keys[inner.boxes[0].key if inner_folds else name]
    for (source, target), state in merged.arrows.items():
        if source not in entries or target not in entries:
            continue
        if not _shows(column, state, entries[source], entries[target]):
            continue
        # In `diff`, too, a call takes its tensors from one graph: after, or before for what is dropped.
        side: Column = "before" if column == "before" or state == "dropped" else "after"
        giver, taker = _call(entries[source], side), _call(entries[target], side)
        assert giver is not None
        assert taker is not None
        sources, targets = [box_of[source]], [box_of[target]]
        if source in insides:
            sources = [box_inside[source, name] for name in insides[source].givers(giver.node, taker.node)]
        if target in insides:
            targets = [box_inside[target, name] for name in insides[target].takers(taker.node, giver.node.name)]
        for ends in product(sources, targets):
            # A fold stands for many connections: what happens to one of them must not be hidden by a kept one.
            if ends[0] != ends[1] and (ends not in arrows or state != "kept"):
                arrows[ends] = state
    return Drawing(column, tuple(boxes.values()), tuple(Arrow(*ends, state) for ends, state in arrows.items()))


def _new_key(merged: Merged, key: str) -> str:
    # A layer may have any name, also `a … b`.
    while key in merged.entries:
        key += " …"
    return key


def _shows(column: Column, state: ArrowState, source: Entry, target: Entry) -> bool:
    """Whether a connection belongs into the column: in `diff` a dropped one only where it leads to a dropped node."""
    if column == "diff":
        # Between two kept nodes the way goes on through what was inserted, or is gone with what was removed: a dropped
        # arrow beside it would say nothing more.
        return state != "dropped" or "dropped" in (source.state, target.state)
    return state != ("new" if column == "before" else "dropped")


def _call(entry: Entry, column: Column) -> Call | None:
    if column == "diff":
        return entry.calls[-1]
    return entry.before if column == "before" else entry.after


def _box(entry: Entry, column: Column) -> Box:
    call = _call(entry, column)
    assert call is not None
    layer = call.layer
    return Box(
        entry.key,
        entry.state,
        layer.kind,
        layer.name,
        layer.class_name,
        call.shapes,
        layer.num_parameters,
        _freezing(entry, column),
        (call.index, call.count),
        () if column == "before" else entry.details,
        call.is_output and not (column == "diff" and entry.state == "dropped"),
        len(layer.inner.layers) if layer.inner else 0,
        wraps=layer.wrapped.name_in_base if layer.wrapped is not None else "",
        weights=layer.adapter.strategy if layer.adapter is not None and layer.is_new else "",
    )


def _fold_box(key: str, entries: Sequence[Entry], column: Column) -> Box:
    calls = [call for entry in entries if (call := _call(entry, column))]
    layers = {call.layer.name: call.layer for call in calls}
    freezing = {_freezing(entry, column) for entry in entries} - {""}
    # Such runs are rare: `fold.runs` parts them unless that makes too many, and a large nested model is one run.
    mixed = f"→ {PARTLY}" if any("→" in each for each in freezing) else PARTLY
    # The states are listed from the least to the most that can happen; a run is marked by the most of its layers.
    states = sorted({entry.state for entry in entries}, key=STATES.index)
    return Box(
        key,
        states[-1],
        "fold",
        calls[0].layer.name,
        shapes=calls[-1].shapes,
        num_parameters=sum(layer.num_parameters for layer in layers.values()),
        freezing=freezing.pop() if len(freezing) == 1 else mixed if freezing else "",
        num_layers=len(layers),
        last=calls[-1].layer.name,
    )


def _freezing(entry: Entry, column: Column) -> str:
    call = _call(entry, column)
    if entry.freezing is None or call is None or not call.layer.num_parameters:
        return ""
    words = ["" if side is None else "trainable" if side else "frozen" for side in entry.freezing]
    if column == "before" or not words[1]:
        return words[0]
    return words[1] if words[0] in ("", words[1]) else f"{words[0]} → {words[1]}"
