"""Layers that treat each channel by itself, whatever the others hold."""

from __future__ import annotations

from collections.abc import Sequence

from spec_compiler.channels.atoms import Axes
from spec_compiler.channels.call import Call, NoRule
from spec_compiler.channels.rules.activations import activated, normalized
from spec_compiler.channels.rules.convolutions import WINDOW, at


def same(call: Call) -> list[Axes]:
    """Each number by itself."""
    _, *noise = call.config.get("noise_shape") or [None] * (call.rank + 1)
    for line, size in zip(call.ins[0], noise, strict=True):
        if size not in (None, 1):
            call.mark(line, "pinned", "has a noise of a shape of its own")
    return [call.ins[0]]


def activation(call: Call) -> list[Axes]:
    """The layer of a function."""
    return [activated(call, call.ins[0])]


def softmax(call: Call) -> list[Axes]:
    """Mixes what lies along its axes."""
    axes = call.argument("axis", 1, -1)
    normalized(call, call.ins[0], [call.axis(each) for each in (axes if isinstance(axes, Sequence) else [axes])])
    return [call.ins[0]]


def spatial(call: Call) -> list[Axes]:
    """Pooling, padding, cropping, upsampling: along the other axes than that of the channels."""
    return [at(call, call.channel_axis, call.across(call.channel_axis, WINDOW))]


def global_pooling(call: Call) -> list[Axes]:
    """One number for each channel."""
    axis = call.channel_axis
    line = call.across(axis, "takes a mean or a maximum over the channels")
    return [at(call, axis if call.config.get("keepdims") else 0, line)]


def batch_normalization(call: Call) -> list[Axes]:
    """A number for each channel and variable; along another axis than that of the channels, none for them."""
    axis = call.axis(_only(call.config.get("axis", -1)))
    for name in ("gamma", "beta", "moving_mean", "moving_variance"):
        call.use(name, 0, call.ins[0][axis], "carries")
    return [call.ins[0]]


def layer_scale(call: Call) -> list[Axes]:
    """ConvNeXt's: a factor for each channel."""
    line = call.ins[0][-1]
    for variable in (call.variables or {}).values():  # `variable_3`: Keras numbers them through the whole process
        call.use(variable.path, 0, line, "carries")
    if line is not None:
        call.arguments["projection_dim"] = lambda number: number(line)
    return [call.ins[0]]


def layer_normalization(call: Call) -> list[Axes]:
    """Mean and variance over its axes, and a number for each index along them."""
    said = call.config.get("axis", -1)
    axes = [call.axis(each) for each in (said if isinstance(said, Sequence) else [said])]
    for at_, axis in enumerate(axes):
        line = call.ins[0][axis]
        for name in ("gamma", "beta", "scale"):
            call.use(name, at_, line, "carries")
        call.mark(line, "mixed", "takes mean and variance over the channels")
        call.mark(line, "uneven", "takes mean and variance over the channels")
    return [call.ins[0]]


def unit_normalization(call: Call) -> list[Axes]:
    """The L2 norm over its axes."""
    said = call.argument("axis", 1, -1)
    normalized(call, call.ins[0], [call.axis(each) for each in (said if isinstance(said, Sequence) else [said])])
    return [call.ins[0]]


def group_normalization(call: Call) -> list[Axes]:
    """Mean and variance over groups of channels: a group leaves as a whole, the others see the same numbers."""
    axis, groups = call.axis(_only(call.config.get("axis", -1))), int(call.config["groups"])
    for other, each in enumerate(call.ins[0]):
        if other != axis:
            call.mark(each, "mixed", "takes mean and variance over the channels")
            call.mark(each, "unwidenable", "takes mean and variance over the channels")
    line = call.ins[0][axis]
    for name in ("gamma", "beta"):
        call.use(name, 0, line, "carries")
    if line is not None:
        groups = len(line) if groups == -1 else groups
        if len(line) % groups:
            raise NoRule("has groups that do not fit its channels")
        per = len(line) // groups
        call.whole(line, per, "takes mean and variance over groups, each of which leaves as a whole")
        call.arguments["groups"] = lambda number: number(line) // per
    return [call.ins[0]]


def prelu(call: Call) -> list[Axes]:
    """A slope for each place along the axes that are not shared."""
    shared = {call.axis(each) for each in call.config.get("shared_axes") or ()}
    call.size("alpha", -1)
    for axis, line in enumerate(call.ins[0]):
        if axis not in shared:
            call.use("alpha", axis, line, "carries")
    return [call.ins[0]]


def normalization(call: Call) -> list[Axes]:
    """Means and variances of data, which stand in the config or in variables."""
    said = call.config.get("axis", -1)
    for each in said if isinstance(said, Sequence) else [] if said is None else [said]:
        call.mark(call.ins[0][call.axis(each)], "pinned", "has a mean and a variance for each channel")
    for name in ("mean", "variance", "count"):
        call.variable(name)
    return [call.ins[0]]


def rescaling(call: Call) -> list[Axes]:
    """A factor and an offset, which may be one for each channel."""
    if any(not isinstance(call.config.get(key), int | float) for key in ("scale", "offset")):
        for line in call.ins[0]:
            call.mark(line, "pinned", "has a factor or an offset for each channel")
    return [call.ins[0]]


def masking(call: Call) -> list[Axes]:
    """Skips the steps where all channels hold one value."""
    call.mark(call.ins[0][-1], "pinned", "skips a step by what all its channels hold")
    return [call.ins[0]]


def _only(axis: object) -> int:
    """An axis that may stand in a list."""
    if isinstance(axis, list | tuple) and len(axis) == 1:
        axis = axis[0]
    if not isinstance(axis, int):
        raise NoRule("has several axes")
    return axis
