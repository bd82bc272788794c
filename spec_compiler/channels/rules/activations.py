"""What activations do to channels, by the name of the function or of the layer that stands for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spec_compiler.channels.atoms import Axes
from spec_compiler.channels.call import Call

EACH_BY_ITSELF = frozenset((
    "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "swish", "mish", "sigmoid",
    "hard_sigmoid", "hard_silu", "hard_swish", "tanh", "hard_tanh", "softplus", "softsign", "exponential",
    "log_sigmoid", "hard_shrink", "soft_shrink", "tanh_shrink", "squareplus", "threshold", "sparse_plus",
    "sparse_sigmoid",
))  # fmt: skip
OVER_ALL = ("softmax", "log_softmax")
LAYERS = frozenset(("ReLU", "LeakyReLU", "ELU"))  # Keras's layers that an `activation` may be


def activated(call: Call, axes: Axes, *arguments: str) -> Axes:
    """The axes of what a layer puts out, after its activations."""
    for argument in arguments or ("activation",):
        value = call.config.get(argument)
        name = _name(value)
        if name in EACH_BY_ITSELF:
            continue
        if name in OVER_ALL:
            normalized(call, axes, [len(axes) - 1])
            continue
        for line in axes:
            call.mark(line, "pinned", f"has an {argument} that is not known to treat each channel by itself")
    return axes


def normalized(call: Call, axes: Axes, along: list[int]) -> None:
    """Marks the channels that a softmax or an L2 norm is taken over: copies count there."""
    for axis in along:
        call.mark(axes[axis], "mixed", "normalises over the channels")
        call.mark(axes[axis], "unwidenable", "normalises over the channels, copies would count twice")


def _name(value: Any) -> str | None:
    if value is None:
        return "linear"
    if isinstance(value, Mapping):
        is_layer = value.get("module") == "keras.layers" and value.get("class_name") in LAYERS
        return "linear" if is_layer else None
    return value if isinstance(value, str) else None
