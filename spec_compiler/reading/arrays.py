"""Arrays in npz files: numbers only, none of which is larger than the file that holds them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from spec_compiler.reading.archive import check_members
from spec_compiler.reading.damage import reading


def read_npz(data: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of an npz file that is in memory, by name.

    Raises:
        Damaged: it is damaged, or holds Python objects.
        Hostile: it unpacks to far more than it holds.
    """
    check_members(data)
    with reading(), np.load(io.BytesIO(data), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
