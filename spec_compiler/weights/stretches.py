"""The bytes of an array in an open file, read a piece at a time: all of them, or only the slices that are wanted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import xxhash

from spec_compiler.reading.pieces import fill
from spec_compiler.weights.checksum import Array

PIECE = 8 << 20  # bytes


class Stretch(NamedTuple):
    """Where the bytes of an array are in an open file."""

    file: int
    start: int
    size: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


def pieces(file: int, start: int, size: int, at_once: int = PIECE) -> Iterator[memoryview]:
    """The bytes of a stretch of an open file; each piece holds until the next.

    Raises:
        Damaged: the file has become shorter.
    """
    buffer = memoryview(bytearray(min(at_once, size)))
    done = 0
    while done < size:
        piece = buffer[: min(len(buffer), size - done)]
        fill(file, piece, start + done)
        yield piece
        done += len(piece)


class Unread:
    """An array in an open file of which slices are taken, without all of it in memory; `told` gets its checksum."""

    def __init__(self, stretch: Stretch, told: Callable[[str], None]) -> None:
        self.stretch, self.told = stretch, told
        self.shape, self.dtype = stretch.shape, stretch.dtype

    def take(self, indices: Array, axis: int, out: Array, mode: str) -> Array:
        """As `numpy.ndarray.take`, into `out`.

        Raises:
            Damaged: the file has become shorter.
        """
        row = math.prod(self.shape[1:]) * self.dtype.itemsize
        step = max(1, PIECE // row)
        hashed, start = xxhash.xxh3_128(), 0
        for piece in pieces(self.stretch.file, self.stretch.start, self.stretch.size, step * row):
            hashed.update(piece)
            rows = np.frombuffer(piece, self.dtype).reshape(-1, *self.shape[1:])
            if axis:
                rows.take(indices, axis, out[start : start + len(rows)], mode)  # type: ignore[call-overload]  # a mode
            else:
                _take_rows(rows, indices - start, out)
            start += len(rows)
        self.told(hashed.hexdigest())
        return out


def _take_rows(rows: Array, indices: Array, out: Array) -> None:
    """Those rows that are in this piece, to their places."""
    places = np.flatnonzero((indices >= 0) & (indices < len(rows)))
    if len(places) and places[-1] - places[0] == len(places) - 1:  # side by side, as those that stay are
        rows.take(indices[places], 0, out[places[0] : places[-1] + 1], "clip")  # else it is buffered
    else:
        out[places] = rows[indices[places]]
