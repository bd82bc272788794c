"""What is known of files that were read before: of one that has not changed since, by what the system says of it.

Its checksum need not be worked out again, nor need Keras say whether what it has downloaded is what it knows. Of arrays
that were read while the whole file was compared with its own checksum theirs are known: whoever reads them again need
not read the rest, and still would find a flipped bit in them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from spec_compiler.keras_facts.settings import keras_home
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


def known_download(base: Key | None) -> tuple[str, bool] | None:
    """Where Keras keeps the `imagenet` weights of a base, and whether it knows their hash; None: ask Keras.

    The file is the one that Keras compared with its hash, and was not written since.
    """
    found = cache.recall(_download_key(base)) if base is not None else None
    if not isinstance(found, dict) or not isinstance(found.get("path"), str):
        return None
    key = _key(found["path"], "download")
    return (found["path"], found.get("has_hash") is True) if key is not None and key == found.get("file") else None


def keep_download(base: Key | None, path: str, has_hash: bool) -> None:
    """Keeps where Keras has put the `imagenet` weights of a base just now."""
    key = _key(path, "download")
    if base is not None and key is not None:
        cache.keep(_download_key(base), {"path": path, "has_hash": has_hash, "file": key})


def _download_key(base: Key) -> Key:
    return {"of": "download", "base": base, "home": keras_home()}


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
