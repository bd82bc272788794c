"""What is read of an open file at a place of it, also as if it were a file of its own."""

from __future__ import annotations

import io
import os
from typing import Any

from spec_compiler.reading.damage import Damaged


def fill(file: int, buffer: memoryview, start: int) -> None:
    """Fills a buffer with what stands behind a place of an open file.

    Raises:
        Damaged: the file ends before.
    """
    done = 0
    while done < len(buffer):
        count = os.preadv(file, [buffer[done:]], start + done)
        if not count:
            raise Damaged("it became shorter while it was read")
        done += count


class Piece(io.RawIOBase):
    """A file of a known size to be read at any place; who inherits says how it is read at `position`."""

    def __init__(self, size: int) -> None:
        self.size, self.position = size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """The new position, which may be behind the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.size}[whence]
        self.position = max(0, base + offset)
        return self.position

    def tell(self) -> int:
        """The position."""
        return self.position


class Stretch(Piece):
    """What lies behind a place of an open file, as a file of its own."""

    def __init__(self, file: int, start: int, size: int = 0) -> None:
        super().__init__(size)
        self.file, self.start = file, start

    def readinto(self, buffer: Any) -> int:
        """Reads on from the position."""
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self.size - self.position))
        read = os.preadv(self.file, [view[:count]], self.start + self.position) if count else 0
        self.position += read
        return read
