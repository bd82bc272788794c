"""Layers that sum over their inputs' channels: Dense, convolutions, embeddings."""

from __future__ import annotations

import re

import numpy as np

from spec_compiler.channels.atoms import Axes, Line
from spec_compiler.channels.call import Call, NoRule
from spec_compiler.channels.rules.activations import activated

WINDOW = "moves a window along the channels"


def at(call: Call, axis: int, line: Line | None) -> Axes:
    """The axes of what comes out with one line among them."""
    return tuple(line if each == axis else None for each in range(len(call.shape)))


def dense(call: Call) -> list[Axes]:
    """Takes the last axis, makes `units`; the other axes pass."""
    *others, line = call.ins[0]
    call.use("kernel", 0, line, "takes")
    made = call.made("kernel", 1, "units")
    call.use("bias", 0, made, "carries")
    return [activated(call, (*others, made))]


def convolution(call: Call) -> list[Axes]:
    """Takes the channels, makes `filters`; with `groups` each group is a layer of its own."""
    line = call.across(call.channel_axis, WINDOW)
    groups = int(call.config.get("groups") or 1)
    if groups > 1:
        made = _grouped(call, line, groups)
    else:
        call.use("kernel", -2, line, "takes")
        made = call.made("kernel", -1, "filters")
    call.use("bias", 0, made, "carries")
    return [activated(call, at(call, call.channel_axis, made))]


def _grouped(call: Call, line: Line | None, groups: int) -> Line | None:
    """The channels that a grouped convolution makes: a group leaves as a whole, its outputs with its inputs."""
    filters = call.size("kernel", -1)
    if line is None:
        return None  # no group can leave, and none of its outputs without the others
    if len(line) % groups or filters % groups:
        raise NoRule("has groups that do not fit its channels")
    per = len(line) // groups
    call.whole(line, per, "computes in groups, each of which leaves as a whole")
    made = np.repeat(line[::per], filters // groups)
    call.use("kernel", -1, made, "makes")
    call.arguments["filters"] = lambda number: number(made)
    call.arguments["groups"] = lambda number: number(made) // (filters // groups)
    return made


def transposed(call: Call) -> list[Axes]:
    """As a convolution, its kernel the other way round."""
    call.use("kernel", -1, call.across(call.channel_axis, WINDOW), "takes")
    made = call.made("kernel", -2, "filters")
    call.use("bias", 0, made, "carries")
    return [activated(call, at(call, call.channel_axis, made))]


def depthwise(call: Call) -> list[Axes]:
    """Each channel by itself, `depth_multiplier` times."""
    line = call.across(call.channel_axis, WINDOW)
    times = call.size("kernel", -1)
    call.use("kernel", -2, line, "carries")
    out = None if line is None else np.repeat(line, times)
    call.use("bias", 0, out, "carries")
    return [activated(call, at(call, call.channel_axis, out))]


def separable(call: Call) -> list[Axes]:
    """A depthwise convolution and one of size 1 behind it."""
    line = call.across(call.channel_axis, WINDOW)
    times = call.size("depthwise_kernel", -1)
    call.use("depthwise_kernel", -2, line, "carries")
    call.use("pointwise_kernel", -2, None if line is None else np.repeat(line, times), "takes")
    made = call.made("pointwise_kernel", -1, "filters")
    call.use("bias", 0, made, "carries")
    return [activated(call, at(call, call.channel_axis, made))]


def embedding(call: Call) -> list[Axes]:
    """Makes a last axis; what comes in are numbers of rows."""
    return [(*call.ins[0], call.made("embeddings", 1, "output_dim"))]


def einsum_dense(call: Call) -> list[Axes]:
    """A product with one kernel: its letters that come in and do not go out are taken, those that only go out made."""
    taken, kernel, out = _letters(call)
    lines = dict(zip(taken[1:], call.ins[0], strict=True))
    found: dict[str, Line | None] = {letter: lines[letter] for letter in out[1:] if letter in lines}
    for axis, letter in enumerate(kernel):
        if letter not in taken:
            found[letter] = call.made("kernel", axis)
        else:
            call.use("kernel", axis, lines[letter], "carries" if letter in out else "takes")
    if set(taken) - set(out) - set(kernel):
        raise NoRule("sums over what its kernel does not have")
    axes = tuple(found[letter] for letter in out[1:])
    if (bias := call.variable("bias")) is not None:
        for axis, size in enumerate(reversed(bias[1].shape), 1):
            if size > 1:
                call.use("bias", -axis, axes[-axis], "carries")
    shape = call.config["output_shape"]
    told = [shape] if isinstance(shape, int) else list(shape)
    call.arguments["output_shape"] = lambda number: [
        size if line is None or size is None else number(line)
        for size, line in zip(told, axes[len(axes) - len(told) :], strict=True)
    ]
    return [activated(call, axes)]


def _letters(call: Call) -> list[str]:
    """The letters of the axes of what comes in, with the batch, of the kernel, and of what goes out."""
    terms = re.fullmatch(r"([a-z.]+),([a-z]+)->([a-z.]+)", str(call.config["equation"]).replace(" ", ""))
    if terms is None:
        raise NoRule("has an equation that is not known")
    taken, kernel, out = terms.groups()
    more = "ABCDEFGH"[: call.rank + 1 - len(taken.replace("...", ""))]
    texts = [each.replace("...", more) for each in (taken, kernel, out)]
    if any(len(set(text)) < len(text) for text in texts) or len(texts[0]) != call.rank + 1 or taken[0] != out[0]:
        raise NoRule("has an equation that is not known")
    if texts[0][0] in kernel or len(texts[2]) != len(call.shape) + 1:
        raise NoRule("has an equation that is not known")
    return texts
