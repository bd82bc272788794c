"""A zip archive whose last member is written in place, at any place of it: `zipfile` can only go on from the end.

Nothing is compressed, as Keras's archives are not, and every date is the first that zip knows, so that the same
members make the same bytes. The format is PKWARE's APPNOTE 6.3, sections 4.3 and 4.5.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass, field

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IBBHHHHHIIIHHHHHII")
_DATE = (1 << 5) | 1  # 1980-01-01
_UTF8 = 0x800
_LARGE = 0xFFFFFFFF  # in a field of 32 bits: the number is in the extra field of zip64
_ZIP64, _PLAIN = 45, 20  # the version of the format that a reader must know
_PADDING = 0xD935  # the id of an extra field that only aligns, as Android's `zipalign` writes it


@dataclass(frozen=True)
class _Member:
    name: bytes
    size: int
    crc: int
    offset: int

    def local(self, extra: bytes) -> bytes:
        size = _LARGE if extra else self.size
        head = (0x04034B50, _ZIP64 if extra else _PLAIN, _UTF8, 0, 0, _DATE, self.crc, size, size)
        return _LOCAL.pack(*head, len(self.name), len(extra)) + self.name + extra

    def central(self) -> bytes:
        is_large = self.size >= _LARGE or self.offset >= _LARGE
        extra = struct.pack("<HHQQQ", 1, 24, self.size, self.size, self.offset) if is_large else b""
        size, offset = (_LARGE, _LARGE) if is_large else (self.size, self.offset)
        version = _ZIP64 if is_large else _PLAIN
        head = (0x02014B50, version, 3, version, _UTF8, 0, 0, _DATE, self.crc, size, size, len(self.name), len(extra))
        return _CENTRAL.pack(*head, 0, 0, 0, 0o600 << 16, offset) + self.name + extra


@dataclass
class ArchiveFile:
    """An archive that is being written to an open file, from its beginning."""

    file: int
    end: int = 0
    members: list[_Member] = field(default_factory=list)

    def add(self, name: str, data: bytes) -> None:
        """A member that is there as a whole."""
        member = _Member(name.encode(), len(data), zlib.crc32(data), self.end)
        written = member.local(b"") + data
        write_at(self.file, written, self.end)
        self.members.append(member)
        self.end += len(written)

    def begin(self, name: str, alignment: int) -> int:
        """Where the bytes of the next member begin, a multiple of `alignment`; `finish` says how many they are."""
        return self.end + len(self._header(name, 0, 0, alignment))

    def finish(self, name: str, size: int, crc: int, alignment: int) -> None:
        """Ends a member that `begin` has begun."""
        header = self._header(name, size, crc, alignment)
        write_at(self.file, header, self.end)
        self.members.append(_Member(name.encode(), size, crc, self.end))
        self.end += len(header) + size

    def _header(self, name: str, size: int, crc: int, alignment: int) -> bytes:
        sizes = struct.pack("<HHQQ", 1, 16, size, size)
        behind = self.end + _LOCAL.size + len(name.encode()) + len(sizes) + 4
        padding = struct.pack("<HH", _PADDING, -behind % alignment) + bytes(-behind % alignment)
        return _Member(name.encode(), size, crc, self.end).local(sizes + padding)

    def close(self) -> None:
        """Writes the list of members."""
        listed = b"".join(each.central() for each in self.members)
        count, size, start, behind = len(self.members), len(listed), self.end, b""
        if start + size >= _LARGE:
            record = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, _ZIP64, _ZIP64, 0, 0, count, count, size, start)
            behind = record + struct.pack("<IIQI", 0x07064B50, 0, start + size, 1)
            start = _LARGE
        behind += struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, size, start, 0)
        write_at(self.file, listed + behind, self.end)
        self.end += len(listed) + len(behind)


def write_at(file: int, data: bytes | memoryview, place: int) -> None:
    """Writes all of the bytes at a place of an open file.

    Raises:
        OSError: it cannot.
    """
    view = memoryview(data).cast("B")
    while view:
        count = os.pwrite(file, view, place)
        view, place = view[count:], place + count
