"""The groups of channels of a graph that leave or come together, and what becomes of variables and tensors then."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from spec_compiler.channels.atoms import (
    FIXED,
    KINDS,
    Array,
    Axes,
    Block,
    Kind,
    LayerPath,
    Line,
    Reason,
    Use,
    components,
)
from spec_compiler.channels.group import Group, InputUse
from spec_compiler.channels.walk import Walk, walk
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Sliceable
from spec_compiler.graph.aligned import empty
from spec_compiler.graph.layer_spec import Shape
from spec_compiler.graph.node import ValueRef

Values = np.ndarray[Any, Any]  # of a variable
Counts = Array  # for each channel, at its root: 0 leaves, 1 stays, k becomes k copies


class Channels:
    """The channels of a graph: its groups, and what counts for its channels do to arguments, variables and tensors."""

    def __init__(self, found: Walk, graph: Graph) -> None:
        self.found, self.graph = found, graph
        record = found.record
        self.root = components(record.count, record.pairs)
        self._reasons: list[Reason] = []
        self._why = {kind: self._marked(kind) for kind in KINDS}
        self._seams()
        block_of = np.repeat(np.arange(len(record.blocks)), [block.size for block in record.blocks])
        pairs = np.unique(np.stack([block_of, block_of[self.root]]), axis=1)
        block_root = components(len(record.blocks), [(pairs[0], pairs[1])])
        self._number = np.unique(block_root, return_inverse=True)[1].reshape(-1)[block_of] - 1  # -1: what is fixed
        self._uneven()

    @classmethod
    def of(cls, graph: Graph) -> Channels:
        """The channels of a graph whose shapes are known."""
        return cls(walk(graph), graph)

    # why a channel stays

    def _marked(self, kind: Kind) -> Array:
        """For each root the number of the first reason of a kind, -1 where there is none."""
        first = np.full(self.found.record.count, -1)
        marks = [(line, reason) for line, each, reason in self.found.record.marks if each == kind]
        for line, reason in reversed(marks):
            first[self.root[line]] = len(self._reasons)
            self._reasons.append(reason)
        return first

    def _seams(self) -> None:
        """Whose copies could stand in two orders, has none: see `Record.seam`."""
        for before, behind, reason in self.found.record.seams:
            root = self.root[before]
            if root == self.root[behind] and self._why["unwidenable"][root] < 0:
                self._why["unwidenable"][root] = len(self._reasons)
                self._reasons.append(reason)

    def _uneven(self) -> None:
        """Copies of all channels alike are those of one group: where others lie beside it, there are none."""
        for line, kind, reason in self.found.record.marks:
            if kind == "uneven" and len(np.unique(self._number[line])) > 1:
                roots = self.root[line]
                new = roots[self._why["unwidenable"][roots] < 0]
                self._why["unwidenable"][new] = len(self._reasons)
                self._reasons.append(reason)

    def _mapped(self, kind: Kind, channels: Array) -> Mapping[int, Reason]:
        numbers = self._why[kind][channels]
        marked = np.flatnonzero(numbers >= 0)
        pairs = zip(channels[marked].tolist(), numbers[marked].tolist(), strict=True)
        return {root: self._reasons[at] for root, at in pairs}

    # groups

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """All groups, in the order in which the graph makes them; the model's inputs are the first."""
        record = self.found.record
        blocks: dict[int, list[Block]] = {}
        for block in record.blocks[1:]:
            blocks.setdefault(int(self._number[block.first]), []).append(block)
        uses: dict[int, list[Use]] = {number: [] for number in blocks}
        for use in record.uses.values():
            for number in np.unique(self._number[use.line]).tolist():
                if number >= 0:
                    uses[number].append(use)
        return tuple(self._group(number, blocks[number], uses[number]) for number in sorted(blocks))

    def _group(self, number: int, blocks: list[Block], uses: list[Use]) -> Group:
        roots = self.root[np.concatenate([block.line for block in blocks])]
        channels = _each_once(roots[roots != FIXED])
        reasons = (self._mapped(kind, channels) for kind in KINDS)
        return Group(number, tuple(blocks), channels, tuple(uses), *reasons)

    def line_of(self, layer: str | LayerPath, unit: str = "channels") -> Line | None:
        """The atoms of a layer's own channels, in the order in which it makes or carries them; of its `heads` as well.

        They lie along the last axis that has any, of what it puts out first. None where nothing of it can leave.
        """
        path = (layer,) if isinstance(layer, str) else layer
        if unit == "heads":
            found = [block for block in self.found.record.blocks if block.layer == path and block.unit == unit]
            return found[0].line if found else None
        graph = self.graph
        for name in path[:-1]:
            inner = graph.layers[name].inner
            assert inner is not None
            graph = inner
        axes = self.found.lines(path[:-1], ValueRef(graph.calls[path[-1]][0]))
        return next((line for line in reversed(axes) if line is not None), None)

    def channels_of(self, layer: str | LayerPath, unit: str = "channels") -> Array:
        """The roots of a layer's channels, each once, in the layer's own order; what is fixed is left out."""
        line = self.line_of(layer, unit)
        roots = self.root[line] if line is not None else np.array([], dtype=np.intp)
        return _each_once(roots[roots != FIXED])

    def groups_of(self, layer: str | LayerPath, unit: str = "channels") -> tuple[Group, ...]:
        """The groups that a layer's channels are in: one, but of a Concatenate, and none where nothing can leave."""
        numbers = dict.fromkeys(self._number[self.channels_of(layer, unit)].tolist())
        return tuple(self.groups[number] for number in numbers)

    def group_of(self, layer: str | LayerPath, unit: str = "channels") -> Group | None:
        """The group of a layer's channels, None where they are in several or in none."""
        found = self.groups_of(layer, unit)
        return found[0] if len(found) == 1 else None

    # inputs

    def input_axis(self, name: str) -> int:
        """The axis of the channels of a model's input, the batch first.

        Raises:
            KeyError: where its size is open.
        """
        return self.found.inputs[name][0]

    def input_uses(self, name: str) -> tuple[InputUse, ...]:
        """The variables along which the channels of a model's input lie: they read them, or carry them to what does.

        Raises:
            KeyError: where the number of its channels is open.
        """
        roots = self.root[self.found.inputs[name][1]]
        place = np.full(len(self.root), -1)
        place[roots[::-1]] = np.arange(len(roots))[::-1]
        uses = ((use, place[self.root[use.line]]) for use in self.found.record.uses.values())
        return tuple(InputUse(use, positions) for use, positions in uses if (positions >= 0).any())

    def input_reasons(self, name: str) -> tuple[Reason, ...]:
        """Why an input's channels cannot change with what reads them, each once; that it is an input left out."""
        roots = set(self.root[self.found.inputs[name][1]].tolist())
        own = Reason(f"the model's input `{name}`", (self.graph.nodes[name].layer,))
        kinds = ("pinned", "mixed", "whole")
        marks = (each for each in self.found.record.marks if each[1] in kinds and each[2] != own)
        return tuple(dict.fromkeys(why for line, _, why in marks if not roots.isdisjoint(self.root[line].tolist())))

    # what changes

    def counts(self, changes: Mapping[int, int]) -> Counts:
        """How many of each channel there will be: 0, 1 or copies, by root; one where nothing is said."""
        counts = np.ones(len(self.root), dtype=np.intp)
        for root, number in changes.items():
            counts[root] = number
        return counts

    def emptied(self, counts: Counts) -> tuple[LayerPath, ...]:
        """The layers of which nothing would be left: Keras makes none without units, filters or inputs."""
        uses = self.found.record.uses.values()
        return tuple(dict.fromkeys(use.layer for use in uses if not self.counts_along(use, counts).any()))

    def number(self, line: Line, counts: Counts) -> int:
        """How long a line will be."""
        return int(counts[self.root[line]].sum())

    def index(self, line: Line, counts: Counts) -> Array:
        """For each index along a line as it will be the one where its values are now.

        Copies of a channel stand behind it. Where it has several places side by side (its pixels, behind a Flatten of
        channels that come first), the copies of all follow all.
        """
        roots = self.root[line]
        many = counts[roots]
        if not len(line) or many.max() <= 1:
            return np.flatnonzero(many)
        starts = np.concatenate([[0], np.flatnonzero(np.diff(roots)) + 1])
        sizes = np.diff(starts, append=len(line))
        lengths = sizes * many[starts]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        index: Array = np.repeat(starts, lengths) + within % np.repeat(sizes, lengths)
        return index

    def array(self, whole: Sliceable, key: tuple[LayerPath, int], counts: Counts) -> Values:
        """A variable's values as they will be."""
        changed = [use for use in self._by_variable.get(key, ()) if (self.counts_along(use, counts) != 1).any()]
        array: Any = whole
        indices = {use: self.index(use.line, counts) for use in changed}
        for use in sorted(changed, key=lambda use: len(indices[use]) / len(use.line)):  # the less there is, the sooner
            shape = (*array.shape[: use.axis], len(indices[use]), *array.shape[use.axis + 1 :])
            array = array.take(indices[use], use.axis, empty(shape, array.dtype), "clip")  # else it is buffered
        for use in changed:
            many = self.counts_along(use, counts)
            if use.role == "takes" and many.max(initial=0) > 1:
                np.divide(array, _along(use.axis, many[indices[use]], array), out=array)
        found: Values = array
        return found

    def counts_along(self, use: Use, counts: Counts) -> Array:
        """The counts of the channels along an axis of a variable, (size of the axis,)."""
        many: Array = counts[self.root[use.line]]
        return many

    def uses_of(self, key: tuple[LayerPath, int]) -> tuple[Use, ...]:
        """The axes of a variable along which channels lie."""
        return tuple(self._by_variable.get(key, ()))

    @cached_property
    def _by_variable(self) -> Mapping[tuple[LayerPath, int], list[Use]]:
        found: dict[tuple[LayerPath, int], list[Use]] = {}
        for use in self.found.record.uses.values():
            found.setdefault(use.key, []).append(use)
        return found

    def arguments(self, layer: str | LayerPath, counts: Counts) -> dict[str, Any]:
        """The constructor arguments of a layer that change, with their new values; none where the layer stays.

        Of the input of a nested model its `batch_shape`, of a wrapper the config of the layer inside.
        """
        path = (layer,) if isinstance(layer, str) else layer
        told = self.found.arguments.get(path, {})
        now = {key: argument(len) for key, argument in told.items()}
        new = {key: argument(lambda line: self.number(line, counts)) for key, argument in told.items()}
        return {key: value for key, value in new.items() if value != now[key]}

    def changed_layers(self, counts: Counts) -> tuple[LayerPath, ...]:
        """The layers whose arguments change, nested ones by their paths."""
        return tuple(path for path in self.found.arguments if self.arguments(path, counts))

    # tensors

    def tensor(self, ref: ValueRef, counts: Counts, within: LayerPath = ()) -> tuple[Array | None, ...]:
        """For each axis of a tensor but the batch's the old index of each new one; None where it stays as it is."""
        axes: Axes = self.found.lines(within, ref)
        return tuple(None if line is None else self.index(line, counts) for line in axes)

    def shape(self, shape: Shape, ref: ValueRef, counts: Counts, within: LayerPath = ()) -> Shape:
        """The shape that a tensor will have, given the one it has, with the batch."""
        axes = self.found.lines(within, ref) or (None,) * len(shape[1:])
        sizes = zip(shape[1:], axes, strict=True)
        return (*shape[:1], *(size if line is None else self.number(line, counts) for size, line in sizes))


def _along(axis: int, numbers: Values, array: Values) -> Values:
    """Numbers that lie along an axis of an array, of its dtype."""
    return numbers.astype(array.dtype).reshape([-1 if each == axis else 1 for each in range(array.ndim)])


def _each_once(roots: Array) -> Array:
    """The roots in the order of their first places."""
    if (np.diff(roots) > 0).all():
        return roots
    first: Array = np.unique(roots, return_index=True)[1]
    once: Array = roots[np.sort(first)]
    return once
