"""How much each channel of a group counts: sizes of what makes it, of what scales it, or chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Literal, get_args
from zlib import crc32

import numpy as np

from spec_compiler.channels.atoms import LayerPath, Use
from spec_compiler.channels.group import Group
from spec_compiler.channels.groups import Channels, Values

By = Literal["l1", "l2", "gamma", "random"]
AT_ONCE = 1 << 18  # numbers
WAYS: tuple[By, ...] = get_args(By)
Read = Callable[[tuple[LayerPath, int]], Values]


def is_gamma(use: Use) -> bool:
    """Whether it is the factors of a BatchNormalization."""
    return use.class_name == "BatchNormalization" and use.name == "gamma"


class NotMeasured(ValueError):
    """A group that a way does not measure; says why, in words that follow the name of the layer or the group."""


def importance(
    channels: Channels, group: Group, by: By, read: Read, roots: Sequence[int] | None = None, seed: str = ""
) -> tuple[float, ...]:
    """A number for each channel of a group, or for those `roots` of it; the largest count most.

    `l1` and `l2`: the norm of all that makes a channel, in every layer that makes it: its slices of their kernels.
    `gamma`: the absolute factors of every BatchNormalization that the channel goes through, summed. `random`: numbers
    that depend on `seed` and on how many channels there are. `read` gives the values of a variable.

    Raises:
        NotMeasured: no BatchNormalization scales the group, or nothing but an input makes it.
    """
    wanted = group.channels if roots is None else np.asarray(roots, dtype=np.intp)
    if by == "random":
        return tuple(np.random.default_rng(crc32(seed.encode())).random(len(wanted)).tolist())
    total = np.zeros(len(channels.root))
    measured = False
    for use in group.uses:
        if not (is_gamma(use) if by == "gamma" else use.role == "makes"):
            continue
        total += np.bincount(channels.root[use.line], _sums(read(use.key), use.axis, by), len(total))
        measured = True
    if not measured:
        raise NotMeasured("goes through no BatchNormalization" if by == "gamma" else "is made by no variable")
    return tuple((np.sqrt(total) if by == "l2" else total)[wanted].tolist())


def _sums(array: Values, axis: int, by: By) -> Values:
    """For each index along an axis the sum of the sizes there, (size of the axis,), in float64.

    A part at a time: the largest kernels have a hundred million entries, which are not to be there twice.
    """
    parts = np.asarray(array).reshape(prod(array.shape[:axis]), array.shape[axis], -1)
    step = max(1, AT_ONCE // max(1, parts[:1].size))
    found: Values = np.zeros(array.shape[axis])
    for start in range(0, len(parts), step):
        sizes = np.abs(parts[start : start + step].astype(np.float64))
        found += (sizes**2 if by == "l2" else sizes).sum((0, 2))
    return found
