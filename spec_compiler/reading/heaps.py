"""The heaps of an HDF5 file, in which it keeps texts of any length, looked through before HDF5 does.

HDF5 goes from each object of a heap to the next by a size that stands in the file, and where that is zero it never
comes to an end. Nothing interrupts it, so no heap is given to it that was not gone through here.
https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html#subsec_fmt3_infra_heap_global
"""

from __future__ import annotations

import os
from typing import BinaryIO

from spec_compiler.reading.damage import Damaged

_MARK = b"GCOL\x01"
_HEADER = 16  # the mark, a version, and the size of the whole; also in front of each object: number, uses, size
_BLOCK = 4 << 20


def largest_heap(stream: BinaryIO) -> int:
    """The bytes of the largest heap, 0 where there is none.

    Raises:
        Damaged: one of them cannot be gone through.
    """
    length = stream.seek(0, os.SEEK_END)
    return max((_checked(stream, start, length) for start in _starts(stream)), default=0)


def _starts(stream: BinaryIO) -> list[int]:
    found, place, rest = [], 0, b""
    stream.seek(0)
    while block := stream.read(_BLOCK):
        block = rest + block
        start = block.find(_MARK)
        while start >= 0:
            found.append(place - len(rest) + start)
            start = block.find(_MARK, start + 1)
        place += len(block) - len(rest)
        rest = block[1 - len(_MARK) :]
    return found


def _checked(stream: BinaryIO, start: int, length: int) -> int:
    stream.seek(start + 8)
    size = int.from_bytes(stream.read(8), "little")
    if size > length - start:
        return length - start  # HDF5 refuses it
    place = _HEADER
    while place + _HEADER <= size:
        stream.seek(start + place)
        header = stream.read(_HEADER)
        held = int.from_bytes(header[8:], "little")
        is_free = header[:2] == b"\0\0"
        if held > size or (is_free and held < _HEADER):
            raise Damaged("the heap of its texts is damaged")
        place += held if is_free else _HEADER + -(-held // 8) * 8
    return size
