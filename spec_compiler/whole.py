"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator

PREFIX = ".partial-"


@contextlib.contextmanager
def whole_file(path: str, *, durable: bool = False) -> Iterator[str]:
    """A temporary file beside a file, whose place it takes at the end; on an exception the old one stays.

    The folder is made where there is none. With `durable` the file is on the disk before that, so that a loss of
    power leaves one of the two as well.

    Raises:
        OSError: the place cannot be written.
    """
    folder, name = os.path.split(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    handle, temporary = tempfile.mkstemp(suffix=os.path.splitext(name)[1], prefix=PREFIX, dir=folder)
    os.close(handle)
    try:
        yield temporary
        if durable:
            with open(temporary, "rb+") as stream:
                os.fsync(stream.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _umask() -> int:
    """The process's mask for new files, which `mkstemp` ignores; there is no call that only reads it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
