"""How much each channel of a group counts: sizes of what makes it, of what scales it, or chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args
from zlib import crc32

import numpy as np

from spec_compiler.channels.atoms import LayerPath
from spec_compiler.channels.group import Group
from spec_compiler.channels.groups import Channels, Values

By = Literal["l1", "l2", "gamma", "random"]
WAYS: tuple[By, ...] = get_args(By)
Read = Callable[[tuple[LayerPath, int]], Values]


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
        is_gamma = use.class_name == "BatchNormalization" and use.name == "gamma"
        if not (is_gamma if by == "gamma" else use.role == "makes"):
            continue
        sizes = np.abs(np.asarray(read(use.key), dtype=np.float64))
        sizes = sizes**2 if by == "l2" else sizes
        summed = sizes.sum(axis=tuple(axis for axis in range(sizes.ndim) if axis != use.axis))
        total += np.bincount(channels.root[use.line], summed, len(total))
        measured = True
    if not measured:
        raise NotMeasured("goes through no BatchNormalization" if by == "gamma" else "is made by no variable")
    return tuple((np.sqrt(total) if by == "l2" else total)[wanted].tolist())
