"""Zip archives: their list of members proven before one is opened, each read in a stream with a limit.

A zip file says each size twice and its members' places once, and a reader that believes any of it can be led: to
unpack a thousandfold, to read one stretch as two members, to write through a name or a link.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from spec_compiler.reading.damage import Damaged, Hostile, megabytes, reading, regular_file
from spec_compiler.reading.pieces import Stretch

SIGNATURE = b"PK\x03\x04"

# A `.keras` file has three members, one more for each vocabulary and two of ours: 10,000 is far more than any has. With
# names of 200 characters their list takes 2.5 MB; a longer one would be objects by the million before it is counted.
_MAX_MEMBERS = 10_000
_MAX_LIST = 4 << 20
# Keras does not compress at all. Text that someone else packed becomes 5 to 20 times smaller, weights hardly 1.1 times;
# deflate can do 1,030.
_MAX_RATIO = 100
_FREE = 16 << 20  # less than this is no bomb, at any ratio
_BLOCK = 1 << 20

_LOCAL = struct.Struct("<4s2xHH16xHH")  # before each member: signature, flags, method, lengths of name and extra field
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # the member, the member strongly, and the list of members itself
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Archive:
    """A zip file whose list of members was proven: plain files, each once, apart from one another, inside the file."""

    path: str
    identity: tuple[int, ...]
    members: Mapping[str, zipfile.ZipInfo]
    zip: zipfile.ZipFile
    stream: BinaryIO

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def read(self, name: str, limit: int) -> bytes:
        """A member's bytes, proven by its checksum; no more than `limit` are ever unpacked.

        Raises:
            Damaged: it is damaged.
            Hostile: it is larger.
        """
        target = io.BytesIO()
        self._unpack(name, limit, target.write)
        return target.getvalue()

    def first(self, name: str, count: int) -> bytes:
        """The first bytes of a member, which nothing has proven yet.

        Raises:
            Damaged: it is damaged.
        """
        info = self.members[name]
        self._start(info)
        with reading(f"its `{name}`"), self.zip.open(info) as stream:
            return stream.read(count)

    @contextlib.contextmanager
    def opened(self, name: str, limit: int) -> Iterator[BinaryIO]:
        """A member as a file: where it lies if it is stored, and that is not yet proven; else unpacked on the disk.

        Raises:
            Damaged: it is damaged.
            Hostile: it is larger than `limit`.
        """
        info = self.members[name]
        if info.compress_type == zipfile.ZIP_STORED:
            yield io.BufferedReader(Stretch(self.stream.fileno(), self._start(info), info.file_size), _BLOCK)
            return
        import tempfile  # only where it is needed: every check of a spec loads this module

        with tempfile.TemporaryFile() as unpacked:
            self._unpack(name, limit, unpacked.write)
            unpacked.seek(0)
            yield unpacked

    def place(self, name: str) -> int | None:
        """Where in the archive's file a member begins; None where it is packed.

        Raises:
            Damaged: it is damaged.
        """
        info = self.members[name]
        return self._start(info) if info.compress_type == zipfile.ZIP_STORED else None

    def prove(self, name: str, stopped: Callable[[], bool] = lambda: False) -> None:
        """Compares a member with its checksum, once while the file stays as it is; `stopped` ends it early.

        Raises:
            Damaged: it differs.
        """
        info = self.members[name]
        key = self._key(info)
        if key in _PROVEN:
            return
        if info.compress_type != zipfile.ZIP_STORED:
            self._unpack(name, info.file_size, len)
            return
        with reading():
            place, end, value = self._start(info), self._start(info) + info.file_size, 0
            block = memoryview(bytearray(_BLOCK))  # not mapped: what is mapped counts as memory of this process
            while place < end and not stopped():
                count = os.preadv(self.stream.fileno(), [block[: min(_BLOCK, end - place)]], place)
                if not count:
                    break
                value = zlib.crc32(block[:count], value)
                place += count
        if stopped():
            return
        if value != info.CRC:
            raise Damaged(f"the checksum of its `{name}` differs from the one that it was saved with")
        _PROVEN.add(key)

    def _start(self, info: zipfile.ZipInfo) -> int:
        """Where the bytes of a member begin; what stands before them must say the same as the list does."""
        with reading():
            header = os.pread(self.stream.fileno(), _LOCAL.size, info.header_offset)
            signature, flags, method, name, extra = _LOCAL.unpack(header)
            written = os.pread(self.stream.fileno(), name, info.header_offset + _LOCAL.size)
        start = int(info.header_offset + _LOCAL.size + name + extra)
        same = (signature, method, flags & _ENCRYPTED) == (SIGNATURE, info.compress_type, 0)
        # flag 0x800: the name is in UTF-8, and else in the code page of MS-DOS
        if not same or written.decode("utf-8" if flags & 0x800 else "cp437") != info.orig_filename:
            raise Damaged(f"what stands before its `{info.filename}` is not what its list of members says")
        if start + info.compress_size > self.zip.start_dir:
            raise Damaged(f"its `{info.filename}` ends behind the end of the file")
        return start

    def _unpack(self, name: str, limit: int, write: Callable[[bytes], object]) -> None:
        info = self.members[name]
        if info.file_size > limit:
            raise Hostile(f"its `{name}` unpacks to {megabytes(info.file_size)}, and {megabytes(limit)} are the most")
        self._start(info)
        count = 0
        with reading(f"its `{name}`"), self.zip.open(info) as stream:
            while block := stream.read(_BLOCK):  # to its end, where the checksum is compared
                count += len(block)
                if count > min(limit, info.file_size):
                    raise Hostile(f"its `{name}` unpacks to more than it says")
                write(block)
        if count != info.file_size:
            raise Damaged(f"its `{name}` is truncated")
        _PROVEN.add(self._key(info))

    def _key(self, info: zipfile.ZipInfo) -> tuple[int, ...]:
        return (*self.identity, info.header_offset)


_PROVEN: set[tuple[int, ...]] = set()  # device, inode, size, time of the last change, and place in the file


@contextlib.contextmanager
def open_archive(path: str) -> Iterator[Archive]:
    """A zip file, whose list of members was proven.

    Raises:
        Damaged: it is damaged.
        Hostile: it has members that no honest program writes.
    """
    regular_file(path)
    with contextlib.ExitStack() as stack:
        with reading():
            stream = stack.enter_context(_Short(open(path, "rb", buffering=0)))  # noqa: SIM115
            status = os.fstat(stream.fileno())
            zip = stack.enter_context(zipfile.ZipFile(stream))
            infos = zip.infolist()
        members = _proven(infos, zip.start_dir, status.st_size)
        identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        yield Archive(path, identity, members, zip, stream)


class _Short(io.BufferedReader):
    """A file that refuses to read much at once: `zipfile` reads a list of members as long as the file says it is."""

    def read(self, size: int | None = -1, /) -> bytes:
        rest = max(0, os.fstat(self.fileno()).st_size - self.tell())
        count = rest if size is None or size < 0 else min(size, rest)
        if count > _MAX_LIST:
            raise Hostile(f"its list of members has {megabytes(count)}")
        return super().read(size)


def _proven(infos: list[zipfile.ZipInfo], end: int, size: int) -> dict[str, zipfile.ZipInfo]:
    if len(infos) > _MAX_MEMBERS:
        raise Hostile(f"it has {len(infos):,} members, and {_MAX_MEMBERS:,} are the most")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.orig_filename
        reason = _objection(info)
        if reason is None and info.filename in members:
            reason = "is there twice"
        if reason is not None:
            raise Hostile(f"its member `{_printable(name)}` {reason}")
        members[info.filename] = info
    total = sum(info.file_size for info in infos)  # thousands of members, each below its limit, are a bomb together
    if total > _MAX_RATIO * size + 4 * _FREE:
        raise Hostile(f"its members unpack to {megabytes(total)}, and it has {megabytes(size)}")
    in_order = sorted(infos, key=lambda info: info.header_offset)
    for info, following in zip(in_order, [*in_order[1:], None], strict=True):
        least = _LOCAL.size + len(info.orig_filename) + info.compress_size
        if info.header_offset + least > (following.header_offset if following is not None else end):
            where = f"overlaps with `{_printable(following.filename)}`" if following else "ends behind the file's end"
            raise Hostile(f"its member `{_printable(info.filename)}` {where}")
    return members


def _objection(info: zipfile.ZipInfo) -> str | None:
    name = info.orig_filename  # `filename` ends at a null character, and has other slashes on Windows
    if "\0" in name or "\\" in name or name.startswith("/") or re.match("[A-Za-z]:", name) or not name:
        return "has a name that is no plain path"
    if ".." in name.split("/"):
        return "has a name that leads out of the archive"
    # the mode that the file has on Unix is in the upper half, and says no kind where a program leaves it out
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link, or something else that is no plain file"
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if info.compress_type not in _METHODS:
        return f"is packed by method {info.compress_type}, which Keras does not use"
    if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
        return "has two sizes"
    if info.file_size > max(_FREE, _MAX_RATIO * info.compress_size):
        packed = megabytes(info.compress_size)
        return f"unpacks to {megabytes(info.file_size)}, and only {packed} of it are in the file"
    return None


def _printable(name: str) -> str:
    return name.encode("unicode_escape").decode("ascii")[:80]


def check_members(data: bytes) -> None:
    """Proves the list of members of an archive that is in memory.

    Raises:
        Damaged: it is damaged.
        Hostile: it has members that no honest program writes.
    """
    with reading(), zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos, end = archive.infolist(), archive.start_dir
    _proven(infos, end, len(data))


def ends_as_archive(path: str) -> bool:
    """Whether a file ends as archives do, however it begins."""
    with reading():
        return zipfile.is_zipfile(path)


def copied(source: str, target: str, without: Container[str]) -> None:
    """Copies an archive of our own less some members."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.infolist():
            if member.filename not in without:
                # zip64 leaves room for more than 2 GB, which the header must do before anything is written
                with old.open(member) as stream, new.open(member, "w", force_zip64=True) as copy:
                    shutil.copyfileobj(stream, copy)


def append(path: str, members: Mapping[str, str | bytes]) -> None:
    """Adds members to an archive of our own, without the time of day, so that the same content gives the same bytes."""
    with zipfile.ZipFile(path, "a") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
