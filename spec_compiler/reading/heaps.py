"""The heaps of an HDF5 file, in which it keeps texts of any length, looked through before HDF5 does.

HDF5 goes from each object of a heap to the next by a size that stands in the file, and where that is zero it never
comes to an end. Nothing interrupts it, so no heap is given to it that was not gone through here. Heaps inside of a
dataset's bytes, where no program puts them and where looking for them takes as long as reading all weights, are hidden
from it instead.
https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html#subsec_fmt3_infra_heap_global
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from spec_compiler.reading.damage import Damaged
from spec_compiler.reading.pieces import Piece

Region = tuple[int, int]  # where it begins, and behind its end

_MARK = b"GCOL\x01"
_HEADER = 16  # the mark, a version, and the size of the whole; also in front of each object: number, uses, size
_BLOCK = 1 << 20


def heaps(stream: BinaryIO, hidden: Sequence[Region]) -> list[Region]:
    """The heaps of a file outside of the hidden regions.

    Raises:
        Damaged: one of them cannot be gone through.
    """
    length = stream.seek(0, os.SEEK_END)
    regions = _between(hidden, length)
    return [_checked(stream, place, length) for start, end in regions for place in _marks(stream, start, end)]


def _between(hidden: Sequence[Region], length: int) -> Iterator[Region]:
    place = 0
    for start, end in [*sorted(hidden), (length, length)]:
        if place < start:
            yield place, min(start + len(_MARK), length)  # a mark may end in a hidden region
        place = max(place, end)


def _marks(stream: BinaryIO, place: int, end: int) -> Iterator[int]:
    rest = b""
    while place < end:
        stream.seek(place)
        block = stream.read(min(_BLOCK, end - place))
        if not block:
            return
        text, before = rest + block, place - len(rest)
        start = text.find(_MARK)
        while start >= 0:
            yield before + start
            start = text.find(_MARK, start + 1)
        place += len(block)
        rest = text[1 - len(_MARK) :]  # a mark may begin in this block and end in the next


def _checked(stream: BinaryIO, start: int, length: int) -> Region:
    stream.seek(start + 8)
    size = int.from_bytes(stream.read(8), "little")
    if size > length - start:
        return start, length  # HDF5 refuses it
    stream.seek(start)
    heap = stream.read(size)
    place = _HEADER
    while place + _HEADER <= size:
        held = int.from_bytes(heap[place + 8 : place + _HEADER], "little")
        is_free = heap[place : place + 2] == b"\0\0"  # object 0 is the rest of the heap: its size counts its header
        if held > size or (is_free and held < _HEADER):
            raise Damaged("the heap of its texts is damaged")
        place += held if is_free else _HEADER + -(-held // 8) * 8  # objects are filled up to 8 bytes
    return start, start + size


class Partly(Piece):
    """A file of which some regions read as zeros."""

    def __init__(self, stream: BinaryIO, hidden: Sequence[Region]) -> None:
        super().__init__(stream.seek(0, os.SEEK_END))
        self.stream, self.hidden = stream, sorted(hidden)

    def readinto(self, buffer: Any) -> int:
        view, place = memoryview(buffer).cast("B"), self.position
        self.stream.seek(place)
        data = self.stream.read(len(view))
        view[: len(data)] = data
        for start, end in self.hidden:
            first, last = max(start, place), min(end, place + len(data))
            if first < last:
                view[first - place : last - place] = bytes(last - first)
        self.position += len(data)
        return len(data)
