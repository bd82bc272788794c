"""Memory for values that a backend takes over as it is."""

from __future__ import annotations

import math
from typing import Any

ALIGNMENT = 64  # bytes, as of the tensors of backends


def empty(shape: tuple[int, ...], dtype: Any) -> Any:
    """An array of a shape, aligned, and made to be given away: whoever fills it keeps no other of its memory."""
    import numpy as np  # a check that adapts nothing is to start without it

    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    raw = np.empty(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


def is_given_away(array: Any) -> bool:
    """Whether an array's memory is nobody else's: its own, or all that `empty` made."""
    raw = array.base
    is_whole = raw is not None and getattr(raw, "nbytes", 0) == array.nbytes + ALIGNMENT
    return bool(array.flags.c_contiguous and (array.flags.owndata or (is_whole and raw.flags.owndata)))
