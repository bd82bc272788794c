"""Layers and operations that lay the same numbers out in another shape, or a part of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import prod
from types import EllipsisType
from typing import Any, cast

import numpy as np

from spec_compiler.channels.atoms import Array, Axes, Line
from spec_compiler.channels.call import Call, NoRule, Number
from spec_compiler.graph.layer_spec import Shape
from spec_compiler.graph.node import ValueRef

SPREAD = "lays the channels out along several axes"


def flatten(call: Call) -> list[Axes]:
    """All axes in one; Keras moves the channels last before, where `data_format` says that they come first."""
    axes, shape = call.ins[0], call.in_shapes[0]
    if call.config.get("data_format") == "channels_first" and len(shape) > 1:
        axes, shape = (*axes[1:], axes[0]), (*shape[1:], shape[0])
    return [laid_out(call, axes, shape, call.shape)]


def reshape(call: Call) -> list[Axes]:
    """The same numbers in another shape, which an argument of the layer or the operation says."""
    out = laid_out(call, call.ins[0], call.in_shapes[0], call.shape)
    key, batch = ("target_shape", 0) if "target_shape" in call.config else ("newshape", 1)
    told = list(call.config[key])
    if len(told) != len(out) + batch:
        raise NoRule("reshapes the batch")
    call.arguments[key] = lambda number: [
        size if line is None or size == -1 else number(line)
        for size, line in zip(told, (*[None] * batch, *out), strict=True)
    ]
    return [out]


def laid_out(call: Call, axes: Axes, shape: Shape, wanted: Shape) -> Axes:
    """The lines of a tensor in another shape. What lies along an axis that stays, stays."""
    out: list[Line | None] = []
    for before, behind in _parts(shape, wanted):
        lines, sizes = axes[before], shape[before]
        if sizes == wanted[behind]:
            out += lines
        else:
            out += _anew(call, lines, sizes, wanted[behind])
    return tuple(out)


def _parts(shape: Shape, wanted: Shape) -> Iterator[tuple[slice, slice]]:
    """The axes of both shapes in parts that hold the same numbers, from left to right.

    Where a size is open, or numbers go into the batch, all axes but those at the end that stay are one part.
    """
    if None in shape or None in wanted or prod(_known(shape)) != prod(_known(wanted)):
        same = 0  # axes at the end that stay; what is before them is one part
        while same < min(len(shape), len(wanted)) and shape[-1 - same] == wanted[-1 - same] is not None:
            same += 1
        yield slice(0, len(shape) - same), slice(0, len(wanted) - same)
        for axis in range(same, 0, -1):
            yield slice(len(shape) - axis, len(shape) - axis + 1), slice(len(wanted) - axis, len(wanted) - axis + 1)
        return
    sizes, others = cast(Sequence[int], shape), cast(Sequence[int], wanted)
    one = other = 0
    while one < len(sizes) or other < len(others):
        start, begin = one, other
        one, other = min(one + 1, len(sizes)), min(other + 1, len(others))
        while (got := prod(sizes[start:one])) != (asked := prod(others[begin:other])):
            one, other = one + (got < asked), other + (got > asked)
        if other == len(others):
            one = len(sizes)  # axes of size 1 at the end go with those before them
        yield slice(start, one), slice(begin, other)


def _anew(call: Call, lines: Axes, sizes: Shape, wanted: Shape) -> list[Line | None]:
    """Axes that together hold the same numbers as others: one line at most goes through."""
    have = [axis for axis, line in enumerate(lines) if line is not None]
    if not have:
        return [None] * len(wanted)
    if None in sizes or None in wanted or prod(_known(sizes)) != prod(_known(wanted)):
        for axis in have:
            call.mark(lines[axis], "pinned", "reshapes them with a size that is not known")
        return [None] * len(wanted)
    *others, axis = have
    for other in others:
        call.mark(lines[other], "pinned", SPREAD)
    line = lines[axis]
    assert line is not None
    before, behind = prod(_known(sizes[:axis])), prod(_known(sizes[axis + 1 :]))
    if before > 1:
        call.seam(line[-1], line[0])
    flat = np.tile(np.repeat(line, behind), before)
    grid = flat.reshape(_known(wanted))
    wide = [each for each in range(grid.ndim) if not _is_constant(grid, each)]
    at = wide[-1] if wide else axis if len(sizes) == len(wanted) else max(range(grid.ndim), key=grid.shape.__getitem__)
    rows = np.moveaxis(grid, at, -1).reshape(-1, grid.shape[at])
    if (rows != rows[0]).any():
        call.unite(np.tile(rows[0], len(rows) - 1), rows[1:].ravel(), SPREAD)
        call.mark(rows[0], "whole", SPREAD)
    if len(rows) > 1:
        call.seam(rows[0][-1], rows[0][0])
    return [rows[0] if each == at else None for each in range(grid.ndim)]


def _is_constant(grid: Array, axis: int) -> bool:
    return bool((grid == grid.take([0], axis)).all())


def _known(shape: Shape) -> list[int]:
    return [int(size) for size in shape if size is not None]


def permuted(call: Call, order: Sequence[int]) -> list[Axes]:
    """The axes in another order, counted without the batch."""
    return [tuple(call.ins[0][axis] for axis in order)]


def permute(call: Call) -> list[Axes]:
    """The layer's `dims` begin with 1, the batch being 0."""
    return permuted(call, [call.axis(each) for each in call.config["dims"]])


def transpose(call: Call) -> list[Axes]:
    """The operation's `axes` hold the batch."""
    axes = call.argument("axes", 1)
    if axes is None or axes[0] != 0:
        raise NoRule("works along the batch")
    return permuted(call, [call.axis(each) for each in axes[1:]])


def swapaxes(call: Call) -> list[Axes]:
    """Two axes, each in the other's place."""
    one, other = (call.axis(call.argument(key, at)) for at, key in enumerate(("axis1", "axis2"), 1))
    order = list(range(call.rank))
    order[one], order[other] = other, one
    return permuted(call, order)


def moveaxis(call: Call) -> list[Axes]:
    """One axis in another place."""
    source, destination = call.argument("source", 1), call.argument("destination", 2)
    if not isinstance(source, int) or not isinstance(destination, int):
        raise NoRule("moves several axes")
    axis = call.axis(source)
    order = [each for each in range(call.rank) if each != axis]
    order.insert(call.axis(destination), axis)
    return permuted(call, order)


def expand_dims(call: Call) -> list[Axes]:
    """One more axis, of size 1."""
    axis = call.argument("axis", 1)
    if not isinstance(axis, int):
        raise NoRule("adds several axes")
    at = call.axis(axis, call.rank + 1)
    return [(*call.ins[0][:at], None, *call.ins[0][at:])]


def squeeze(call: Call) -> list[Axes]:
    """Less the axes of size 1."""
    said = call.argument("axis", 1)
    if said is None:
        gone = {axis for axis, size in enumerate(call.in_shapes[0]) if size == 1}
    else:
        gone = {call.axis(each) for each in (said if isinstance(said, list | tuple) else [said])}
    for axis in gone:
        call.mark(call.ins[0][axis], "pinned", "takes the axis of the channels away")
    return [tuple(line for axis, line in enumerate(call.ins[0]) if axis not in gone)]


def repeat_vector(call: Call) -> list[Axes]:
    """The same vector at each step."""
    return [(None, *call.ins[0])]


def split(call: Call) -> list[Axes]:
    """Parts along an axis."""
    axis = call.axis(int(call.argument("axis", 2, 0)))
    line, told = call.ins[0][axis], call.config["indices_or_sections"]
    if line is None:
        return [call.ins[0]] * len(call.shapes)
    parts = np.split(line, told if isinstance(told, int) else list(told))
    for before, behind in pairwise(parts):
        if len(before) and len(behind):
            call.seam(before[-1], behind[0])

    def ends(number: Number) -> Any:
        sizes = [number(part) for part in parts]
        return told if isinstance(told, int) and len(set(sizes)) == 1 else [int(end) for end in np.cumsum(sizes)[:-1]]

    call.arguments["indices_or_sections"] = ends
    return [tuple(part if at == axis else each for at, each in enumerate(call.ins[0])) for part in parts]


def get_item(call: Call) -> list[Axes]:
    """A part of a tensor: along an axis of which all is taken, channels stay."""
    key = call.argument("key", 1)
    keys = list(key) if isinstance(key, tuple) else [key]
    if any(isinstance(each, ValueRef) or not isinstance(each, slice | int | EllipsisType | None) for each in keys):
        raise NoRule("takes a part that is computed")
    if Ellipsis in keys:
        at = keys.index(Ellipsis)
        missing = call.rank + 1 - sum(each is not None and each is not Ellipsis for each in keys)
        keys[at : at + 1] = [slice(None)] * missing
    if not keys or keys[0] != slice(None):
        raise NoRule("takes a part of the batch")
    lines = iter(call.ins[0])
    out: list[Line | None] = []
    for each in keys[1:]:
        if each is None:
            out.append(None)
            continue
        line = next(lines)
        if each == slice(None):
            out.append(line)
            continue
        call.mark(line, "pinned", "takes a part of the channels, by number")
        out += [None] if isinstance(each, slice) else []
    return [(*out, *lines)]


def pad(call: Call) -> list[Axes]:
    """Zeros around; along the axis of the channels they are channels that stay."""
    widths = call.config["pad_width"]
    if isinstance(widths, int):
        widths = [[widths, widths]] * (call.rank + 1)
    zeros = call.config.get("mode") == "constant"
    out: list[Line | None] = []
    for line, size, (before, behind) in zip(call.ins[0], call.in_shapes[0], widths[1:], strict=True):
        if line is not None and (before or behind) and not zeros:
            call.mark(line, "pinned", "pads the channels with others")
            out.append(None)
        else:
            out.append(line if not before and not behind else call.row([(None, before), (line, size), (None, behind)]))
    return [tuple(out)]


def flip(call: Call) -> list[Axes]:
    """From the last to the first, along one axis or several."""
    said = call.argument("axis", 1)
    if said is None:
        raise NoRule("turns the batch")
    along = {call.axis(each) for each in (said if isinstance(said, list | tuple) else [said])}
    return [tuple(line[::-1] if axis in along and line is not None else line for axis, line in enumerate(call.ins[0]))]


def along_others(call: Call) -> list[Axes]:
    """Repeats, turns or picks along one axis; channels there stay."""
    said = call.argument("axis", 2, None)
    along = (
        {call.axis(each) for each in (said if isinstance(said, list | tuple) else [said])} if said is not None else None
    )
    for axis, line in enumerate(call.ins[0]):
        if along is None or axis in along:
            call.mark(line, "pinned", "reorders the channels")
    kept = [None if along is None or axis in along else line for axis, line in enumerate(call.ins[0])]
    if along is None or len(kept) != len(call.shape):
        if any(line is not None for line in kept):
            raise NoRule("has no rule")
        kept = [None] * len(call.shape)
    return [tuple(kept)]
