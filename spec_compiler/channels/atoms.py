"""What a walk through a graph finds out, in arrays: *atoms*, and which of them leave together.

An atom stands for one channel where a layer makes it. The atoms along an axis of a tensor or a variable are a *line*:
a one-dimensional array as long as the axis. So a concatenation of channels is `np.concatenate` of lines, the gates of
a recurrent layer are `np.tile`, and the line itself, taken at what stays, is the map from old indices to new ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

Array = np.ndarray[Any, np.dtype[np.intp]]
Line = Array  # (size of the axis,): the atom at each index
Axes = tuple[Line | None, ...]  # of a tensor, without the batch: None where nothing can leave, the size may be open
LayerPath = tuple[str, ...]  # ("outer", "inner", "conv"): a layer by the nested models that it is in
Role = Literal["makes", "carries", "takes"]
Kind = Literal["pinned", "mixed", "unwidenable", "uneven", "whole"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FIXED = 0  # the atom of all that stays, whatever leaves


class Reason(NamedTuple):
    """Why a channel cannot leave or be doubled, and the layer where that is so, the ends of the model too."""

    text: str
    layer: LayerPath


class Block(NamedTuple):
    """The atoms that one layer made, `first` and those behind it: a layer's `channels`, or the `heads` of attention."""

    layer: LayerPath
    unit: str
    first: int
    size: int

    @property
    def line(self) -> Line:
        """Its atoms."""
        return np.arange(self.first, self.first + self.size)


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """An axis of a variable along which channels lie.

    It `makes` them (one slice, one channel), `carries` them (a number for each, as BatchNormalization has) or `takes`
    them (sums over them: without its slice a channel is not heard).
    """

    layer: LayerPath
    index: int  # of the variable in the layer's variables
    axis: int
    name: str  # the last part of the variable's path: `kernel`
    class_name: str
    role: Role
    line: Line

    @property
    def key(self) -> tuple[LayerPath, int]:
        """The variable."""
        return self.layer, self.index


class Size(NamedTuple):
    """How much a record holds."""

    atoms: int
    blocks: int
    pairs: int
    seams: int
    marks: int
    uses: int


class Record:
    """What is found, in the order in which it is found; `back_to` forgets what came after a `size`."""

    def __init__(self) -> None:
        self.count = 1
        self.blocks = [Block((), "fixed", FIXED, 1)]
        self.pairs: list[tuple[Array, Array]] = []
        self.seams: list[tuple[int, int, Reason]] = []
        self.marks: list[tuple[Array, Kind, Reason]] = []
        self.uses: dict[tuple[LayerPath, int, int], Use] = {}

    @property
    def size(self) -> Size:
        """How much it holds now."""
        return Size(self.count, len(self.blocks), len(self.pairs), len(self.seams), len(self.marks), len(self.uses))

    def back_to(self, size: Size) -> None:
        """Forgets all that came after it held so much."""
        self.count = size.atoms
        del self.blocks[size.blocks :], self.pairs[size.pairs :], self.seams[size.seams :], self.marks[size.marks :]
        for key in list(self.uses)[size.uses :]:
            del self.uses[key]

    def fresh(self, layer: LayerPath, size: int, unit: str = "channels") -> Line:
        """A line of new atoms."""
        self.blocks.append(Block(layer, unit, self.count, size))
        self.count += size
        return np.arange(self.count - size, self.count)

    def unite(self, one: Line, other: Line, reason: Reason) -> None:
        """Lets the atoms at the same index leave together; one that meets what stays is pinned, for the reason."""
        if one is other or (len(one) == len(other) and (one == other).all()):
            return
        stays = (one == FIXED) | (other == FIXED)
        if stays.any():
            self.mark(np.concatenate([one[stays], other[stays]]), "pinned", reason)
            one, other = one[~stays], other[~stays]
        self.pairs.append((one, other))

    def mark(self, line: Line, kind: Kind, reason: Reason) -> None:
        """Keeps the reason for every atom of a line."""
        self.marks.append((line, kind, reason))

    def seam(self, before: int, behind: int, reason: Reason) -> None:
        """Remembers two atoms that stand side by side and come from different places.

        If they turn out to be one channel, nothing says in which order its copies stand there.
        """
        self.seams.append((before, behind, reason))


def components(size: int, pairs: Sequence[tuple[Array, Array]]) -> Array:
    """For each of the numbers below `size` the least one that the pairs join it with.

    >>> components(5, [(np.array([1, 3]), np.array([3, 4]))])
    array([0, 1, 2, 1, 1])
    """
    root = np.arange(size)
    if not pairs:
        return root
    one, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
    while True:  # all pairs at once, a few rounds: a loop in Python over them takes seconds for a large model
        roots, others = root[one], root[other]
        apart = roots != others
        if not apart.any():
            return root
        one, other, roots, others = one[apart], other[apart], roots[apart], others[apart]
        np.minimum.at(root, np.maximum(roots, others), np.minimum(roots, others))
        while (root[root] != root).any():
            root = root[root]
