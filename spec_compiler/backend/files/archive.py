"""A `.keras` archive: a zip file in which the weights are one member, read where it lies."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

WEIGHTS = "model.weights.h5"
_HEADER = struct.Struct("<26xHH")  # before each member; the lengths of the name and the extra field end it


@contextlib.contextmanager
def archived_weights(path: str) -> Iterator[BinaryIO]:
    """The archive's weights as a file; without a copy in memory, unless they are compressed.

    Raises:
        OSError: it has none.
    """
    with zipfile.ZipFile(path) as archive:
        if WEIGHTS not in archive.namelist():
            raise OSError(f"the archive has no `{WEIGHTS}`")
        info = archive.getinfo(WEIGHTS)
        if info.compress_type != zipfile.ZIP_STORED:
            yield io.BytesIO(archive.read(info))
            return
        with open(path, "rb") as stream:
            stream.seek(info.header_offset)
            name, extra = _HEADER.unpack(stream.read(_HEADER.size))
            start = info.header_offset + _HEADER.size + name + extra
            yield io.BufferedReader(_Window(stream, start, info.file_size), 1 << 20)


class _Window(io.RawIOBase):
    """A stretch of a file as a file of its own."""

    def __init__(self, stream: BinaryIO, start: int, size: int) -> None:
        self.stream, self.start, self.size, self.position = stream, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.size}[whence]
        self.position = max(0, base + offset)
        return self.position

    def tell(self) -> int:
        return self.position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self.size - self.position))
        self.stream.seek(self.start + self.position)
        read = self.stream.readinto(view[:count]) or 0  # type: ignore[attr-defined]
        self.position += read
        return int(read)
