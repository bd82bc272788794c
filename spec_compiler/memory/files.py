"""What is known of files that were read before: of one that has not changed since, by what the system says of it.

Its checksum need not be worked out again. Of arrays that were read while the whole file was compared with its own
checksum theirs are known: whoever reads them again need not read the rest, and still would find a flipped bit in them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from spec_compiler.memory import cache
from spec_compiler.memory.cache import Key

SETTLED = 2_000_000_000  # nanoseconds: a file may be written twice at what the system takes for one time


def _key(path: str, what: str) -> Key | None:
    """The file by its place and by what changes whenever it is written; None of one that is not there, or quite new."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    times = [status.st_mtime_ns, status.st_ctime_ns]
    if time.time_ns() - max(times) < SETTLED:
        return None
    return {"of": what, "file": os.path.realpath(path), "inode": status.st_ino, "size": status.st_size, "times": times}


def known_sha256(path: str) -> str | None:
    """The SHA-256 of a file that is still as it was when that was kept."""
    key = _key(path, "sha256")
    found = cache.recall(key) if key is not None else None
    return found if isinstance(found, str) else None


def keep_sha256(path: str, checksum: str) -> None:
    """Keeps the SHA-256 of a file."""
    if (key := _key(path, "sha256")) is not None:
        cache.keep(key, checksum)


def known_arrays(path: str) -> dict[str, str]:
    """The checksums of a file's arrays, by their names there, as far as they are known."""
    key = _key(path, "arrays")
    found = cache.recall(key) if key is not None else None
    is_known = isinstance(found, dict) and all(isinstance(each, str) for each in found.values())
    return found if is_known and isinstance(found, dict) else {}


def keep_arrays(path: str, checksums: Mapping[str, str]) -> None:
    """Keeps the checksums of arrays, which were read while the file was compared with its own checksum."""
    key = _key(path, "arrays")
    if key is not None and checksums:
        cache.keep(key, {**known_arrays(path), **checksums})
