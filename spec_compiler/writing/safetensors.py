"""A safetensors file of which the header is written, and room left for the arrays, whose bytes others write there."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np

from spec_compiler.reading.safetensors import DTYPES, LENGTH, METADATA
from spec_compiler.writing.archive import write_at
from spec_compiler.writing.hdf5 import ALIGNMENT, ArrayRoom

_KINDS = {**{np.dtype(name): kind for kind, name in DTYPES.items() if kind != "BF16"}, np.dtype("V2"): "BF16"}


def write_header(file: int, rooms: Sequence[ArrayRoom]) -> tuple[list[int], int]:
    """Writes the header; where the bytes of each array are to be, in order, and how many bytes the file has in all.

    Wide numbers come first, so that each begins at a multiple of its width.
    """
    order = sorted(range(len(rooms)), key=lambda index: -rooms[index].stored.itemsize)
    offsets, at = [0] * len(rooms), 0
    for index in order:
        offsets[index] = at
        at += math.prod(rooms[index].shape) * rooms[index].stored.itemsize
    ends = [start + math.prod(room.shape) * room.stored.itemsize for start, room in zip(offsets, rooms, strict=True)]
    arrays = {
        rooms[index].path: {
            "dtype": _KINDS[rooms[index].stored],
            "shape": list(rooms[index].shape),
            "data_offsets": [offsets[index], ends[index]],
        }
        for index in order
    }
    header = json.dumps({METADATA: {"format": "keras"}, **arrays}, separators=(",", ":")).encode()
    header += b" " * (-(len(header) + LENGTH.size) % ALIGNMENT)
    write_at(file, LENGTH.pack(len(header)) + header, 0)
    start = LENGTH.size + len(header)
    return [start + each for each in offsets], start + at
