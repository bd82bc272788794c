"""What Keras said before, in the user's cache folder: the second time needs no Keras.

An entry is believed only if it was written for exactly this question (its key is inside it, whole), by the same code,
and its text has the checksum that stands beside it. Everything else is as good as no entry. Writing is atomic and never
fails a compilation. `SPEC_COMPILER_CACHE` names another folder, and `off` turns it off.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

VARIABLE = "SPEC_COMPILER_CACHE"

Key = Mapping[str, Any]  # a question, as JSON data


def recall(key: Key) -> Any | None:
    """The data that was kept for a key, None where there is none that can be believed."""
    path = _path(key)
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as stream:
            entry = json.load(stream)
        payload = entry["data"]
        if entry["key"] != key or entry["sha256"] != hashlib.sha256(payload.encode()).hexdigest():
            return None
        return json.loads(payload)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def keep(key: Key, data: Any) -> None:
    """Keeps JSON data for a key. Where that cannot be done, nothing happens: it is only a memory."""
    path = _path(key)
    if path is None:
        return
    from spec_compiler.files.whole import whole_file  # only a process that writes needs it

    with contextlib.suppress(OSError, ValueError):
        # a text inside of the JSON, so that the checksum is of these very bytes, not of what a parser makes of them
        payload = json.dumps(data, separators=(",", ":"))
        checksum = hashlib.sha256(payload.encode()).hexdigest()
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8") as stream:
            json.dump({"key": key, "sha256": checksum, "data": payload}, stream)


def _path(key: Key) -> str | None:
    folder = cache_folder()
    if folder is None:
        return None
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return os.path.join(folder, f"{name[:40]}.json")


@functools.cache
def _default_folder() -> str:
    import platformdirs  # not loaded where the variable names a folder

    return platformdirs.user_cache_dir("spec_compiler")


def cache_folder() -> str | None:
    """The folder of the entries, None where the cache is off."""
    chosen = os.environ.get(VARIABLE)
    if chosen == "off":
        return None
    return chosen or _default_folder()
