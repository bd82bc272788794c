"""Arrays in npz files: numbers and texts only, none of which is larger than the file that holds them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from spec_compiler.reading.archive import Archive, check_members, open_archive
from spec_compiler.reading.damage import Damaged, Hostile, reading


def read_npz(data: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of an npz file that is in memory, by name.

    Raises:
        Damaged: it is damaged, or holds Python objects.
        Hostile: it unpacks to far more than it holds.
    """
    check_members(data)
    with reading(), np.load(io.BytesIO(data), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


class Head(NamedTuple):
    """Shape and dtype of an array, as the bytes before it say."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def num_bytes(self) -> int:
        """How many bytes its values take."""
        count = self.dtype.itemsize
        for size in self.shape:
            count *= size
        return count


_SUFFIX = ".npy"
_MOST = 1 << 16  # bytes; NumPy reads no head of more than 10,000


def npz_heads(path: str) -> dict[str, Head]:
    """Shape and dtype of each array of a file, of which no more is read.

    Raises:
        Damaged: it is damaged, or holds Python objects.
        Hostile: it unpacks to far more than it holds.
    """
    heads: dict[str, Head] = {}
    with open_archive(path) as archive:
        for member, info in archive.members.items():
            name = member.removesuffix(_SUFFIX)
            with reading(f"its `{name}`"):
                stream = io.BytesIO(archive.first(member, _MOST))
                heads[name] = head = _head(stream, name)
                if head.num_bytes != info.file_size - stream.tell():
                    raise Damaged(f"its `{name}` says that it is {head.shape} of {head.dtype}, and has other bytes")
    return heads


def read_arrays(path: str, names: Iterable[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Some arrays of a file, each proven by its checksum.

    Raises:
        Damaged: it is damaged, or holds Python objects.
        Hostile: it unpacks to far more than it holds.
    """
    with open_archive(path) as archive:
        return {name: _array(archive, name) for name in names}


def _array(archive: Archive, name: str) -> np.ndarray[Any, Any]:
    member = f"{name}{_SUFFIX}" if f"{name}{_SUFFIX}" in archive else name
    if member not in archive:
        raise Damaged(f"its `{name}` is gone")
    archive.prove(member)
    size = archive.members[member].file_size
    with archive.opened(member, size) as stream, reading(f"its `{name}`"):
        head = _head(stream, name)
        if head.num_bytes > size:
            raise Hostile(f"its `{name}` says that it is larger than it is")
        stream.seek(0)
        return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))


def _head(stream: BinaryIO, name: str) -> Head:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    if dtype.hasobject:
        raise Damaged(f"its `{name}` holds Python objects", "save arrays of numbers, all samples of one shape")
    return Head(tuple(shape), dtype)
