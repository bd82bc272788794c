"""Layers and operations that take several tensors: number by number, one beside the other, or their products."""

from __future__ import annotations

from typing import Any

from spec_compiler.channels.atoms import Axes, Line
from spec_compiler.channels.call import Call, NoRule
from spec_compiler.graph.node import ValueRef, references

JOINED = "joins the channels"
_SCALARS = (int, float, bool, str, type(None))


def elementwise(call: Call) -> list[Axes]:
    """Number by number: the channels of all leave together. A tensor of size 1 is spread over all channels."""
    bounds = (call.config.get(key) for key in ("x_min", "x_max"))  # of Clip
    constants = [each for each in (*call.args, *call.kwargs.values(), *bounds) if _is_array(each)]
    rank = len(call.shape)
    out = tuple(_across(call, axis, rank) for axis in range(rank))
    for line in out if constants else ():
        call.mark(line, "pinned", "takes a constant that may have a number for each channel")
    return [out]


def _across(call: Call, axis: int, rank: int) -> Line | None:
    lines: list[Line | None] = []
    for axes, shape in zip(call.ins, call.in_shapes, strict=True):
        own = axis - (rank - len(shape))
        if own < 0:
            continue
        if shape[own] == 1 and call.shape[axis] != 1:
            call.mark(axes[own], "pinned", "spreads it over all channels")
        else:
            lines.append(axes[own])
    return call.joined(lines, JOINED)


def _is_array(value: Any) -> bool:
    """Whether a constant of a call may hold several numbers."""
    return not isinstance(value, (*_SCALARS, ValueRef)) and not any(True for _ in references(value))


def concatenate(call: Call) -> list[Axes]:
    """One beside the other along its axis; along the others, channels leave together."""
    _only_tensors(call)
    along = call.axis(int(call.argument("axis", 1, -1)))
    pairs = list(zip(call.ins, call.in_shapes, strict=True))
    return [
        tuple(
            call.row((axes[axis], shape[axis]) for axes, shape in pairs)
            if axis == along
            else call.joined((axes[axis] for axes, _ in pairs), JOINED)
            for axis in range(call.rank)
        )
    ]


def stack(call: Call) -> list[Axes]:
    """One behind the other along a new axis."""
    _only_tensors(call)
    along = call.axis(int(call.argument("axis", 1, 0)), call.rank + 1)
    axes = [call.joined((each[axis] for each in call.ins), JOINED) for axis in range(call.rank)]
    return [(*axes[:along], None, *axes[along:])]


def _only_tensors(call: Call) -> None:
    """Raises NoRule where constants stand among the tensors of a list."""
    if not call.args or not isinstance(call.args[0], list | tuple) or len(call.args[0]) != len(call.ins):
        raise NoRule("takes a constant that may have a number for each channel")


SUMS = "sums over the channels without weights"


def summed(call: Call, one: Line | None, other: Line | None) -> None:
    """Marks the channels that two tensors are multiplied and summed over."""
    for line in (one, other):
        call.mark(line, "mixed", SUMS)
        call.mark(line, "unwidenable", SUMS)
    call.joined((one, other), SUMS)


def matmul(call: Call) -> list[Axes]:
    """A product of matrices: over the last axis of one and the last but one of the other."""
    if len(call.ins) != 2 or min(map(len, call.ins)) < 2:
        raise NoRule("has no rule")
    one, other = call.ins
    summed(call, one[-1], other[-2])
    rank = len(call.shape)
    rest: list[Line | None] = []
    for axis in range(rank - 2):
        lines = []
        for axes, shape in zip(call.ins, call.in_shapes, strict=True):
            own = axis - (rank - len(shape))
            if own >= 0 and (shape[own] != 1 or call.shape[axis] == 1):
                lines.append(axes[own])
            elif own >= 0:
                call.mark(axes[own], "pinned", "spreads it over all channels")
        rest.append(call.joined(lines, JOINED))
    return [(*rest, one[-2], other[-1])]


def dot(call: Call) -> list[Axes]:
    """A product over one axis of each."""
    said = call.config["axes"]
    numbers = [said, said] if isinstance(said, int) else list(said)
    along = [call.axis(number, len(axes)) for number, axes in zip(numbers, call.ins, strict=True)]
    lines = [axes[axis] for axes, axis in zip(call.ins, along, strict=True)]
    summed(call, lines[0], lines[1])
    out = tuple(line for axes, axis in zip(call.ins, along, strict=True) for at, line in enumerate(axes) if at != axis)
    return [out or (None,)]  # Keras leaves one axis


def reduced(call: Call) -> list[Axes]:
    """A mean, sum or extreme over some axes."""
    said = call.argument("axis", 1)
    if said is None:
        raise NoRule("computes one number from all")
    along = {call.axis(each) for each in (said if isinstance(said, list | tuple) else [said])}
    for axis in along:
        line = call.ins[0][axis]
        call.mark(line, "mixed", f"takes the {call.class_name.lower()} over the channels")
        if call.class_name not in ("Max", "Min", "Amax", "Amin", "Any", "All"):
            kind = "uneven" if call.class_name in ("Mean", "Var", "Std") else "unwidenable"
            call.mark(line, kind, f"takes the {call.class_name.lower()} over the channels")  # type: ignore[arg-type]
    if call.argument("keepdims", 2, False):
        return [tuple(None if axis in along else line for axis, line in enumerate(call.ins[0]))]
    return [tuple(line for axis, line in enumerate(call.ins[0]) if axis not in along)]
