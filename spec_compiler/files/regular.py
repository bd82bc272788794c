"""Regular files, opened without waiting for pipes and, where that is asked, without following a link."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import IO, NamedTuple

# `O_NONBLOCK`: a pipe is not waited for. `O_NOCTTY`: a terminal does not become that of this process.
READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
# `O_PATH` asks only for the right to go through a folder, which may be one that nobody may list.
_STEP = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_CAN_STEP = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


class NotRegular(OSError):
    """What is no regular file: a pipe, a socket, a device, a folder."""


class Left(OSError):
    """A path that leaves the folder which it must not leave, also one that does so only now."""

    def __init__(self) -> None:
        super().__init__(None, "it leaves the spec's folder through a link")


class Entry(NamedTuple):
    """What is in a folder under a name; what it is, is said of what a link leads to."""

    name: str
    is_folder: bool
    is_file: bool

    @classmethod
    def of(cls, entry: os.DirEntry[str]) -> Entry:
        """An entry as Python gives it."""
        return cls(entry.name, entry.is_dir(), entry.is_file())


def kind_at(path: str) -> str | None:
    """What is at a path, in words; None where nothing is, or nothing that can be looked at."""
    try:
        return kind_of(os.stat(path).st_mode)
    except (OSError, ValueError):
        return None


def kind_of(mode: int) -> str:
    """What a file is, by its mode.

    >>> kind_of(0o100644), kind_of(0o010644)
    ('a file', 'a pipe')
    """
    kinds = {stat.S_IFREG: "a file", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def opened(path: str) -> IO[bytes]:
    """A regular file, opened for reading, wherever it is. Nothing else is opened: a pipe is never waited for.

    Raises:
        OSError: `NotRegular`, or why it cannot be opened.
    """
    try:
        kind = kind_of(os.stat(path).st_mode)
        if kind != "a file":  # to open a device may already do something
            raise NotRegular(None, f"it is {kind}, not a file")
        return regular(os.open(path, READ), path)
    except ValueError as error:
        raise OSError(None, f"it is no path: {error}") from None


def regular(handle: int, path: str) -> IO[bytes]:
    """The opened file, which is looked at once more: between a look and an opening it may have been swapped."""
    try:
        kind = kind_of(os.fstat(handle).st_mode)
        if kind != "a file":
            raise NotRegular(None, f"it is {kind}, not a file")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def is_inside(path: str, root: str) -> bool:
    """Whether a path, its links followed, is in a folder or below."""
    try:
        here = os.path.realpath(path)
    except ValueError:  # a null byte, half a character: no file has such a name
        return True
    try:
        return os.path.commonpath((root, here)) == root
    except ValueError:  # on Windows another drive
        return False


def stepped(root: str, real: str, flags: int) -> int:
    """What is below a folder, opened step by step, no step through a link: `real` has none, unless it was swapped."""
    if not _CAN_STEP:  # on Windows: nothing prevents a swap, so what was opened is compared with what is there now
        handle = os.open(real, flags)
        now = os.path.realpath(real)
        if now != real or not os.path.samestat(os.fstat(handle), os.stat(real)):
            os.close(handle)
            raise Left
        return handle
    with contextlib.ExitStack() as stack:
        above = os.open(root, _STEP & ~os.O_NOFOLLOW)
        stack.callback(os.close, above)
        *folders, name = os.path.relpath(real, root).split(os.sep)
        for folder in folders:
            above = _step(folder, _STEP, above)
            stack.callback(os.close, above)
        return _step(name, flags | os.O_NOFOLLOW, above)


def _step(name: str, flags: int, above: int) -> int:
    try:
        return os.open(name, flags, dir_fd=above)
    except OSError as error:
        with contextlib.suppress(OSError):
            if stat.S_ISLNK(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
                raise Left from None
        raise error from None
