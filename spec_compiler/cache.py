"""The graphs of bases that were read before, in the user's cache folder: the second time needs no Keras.

An entry is believed only if it was written for exactly this question (its key is inside it, whole), by this version
of the format, and its text has the checksum that stands beside it. Everything else is as good as no entry. Writing
is atomic and never fails a compilation. `SPEC_COMPILER_CACHE` names another folder, and `off` turns it off.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Mapping
from typing import Any

from spec_compiler.base import Base
from spec_compiler.graph import Graph
from spec_compiler.graph_json import NotPlain, from_plain, to_plain

FORMAT = 1
VARIABLE = "SPEC_COMPILER_CACHE"


def base_key(base: Base, folder: str) -> dict[str, Any] | None:
    """What the graph of a base depends on; None for a base whose graph is not kept.

    An application depends on its arguments and on Keras, a saved model on its config, both on Keras's settings.
    """
    question: dict[str, Any]
    if base.application is not None:
        question = {"application": base.application, "arguments": base.arguments}
    elif base.file is not None:
        config = _config_of(os.path.join(folder, os.path.expanduser(base.file)))
        if config is None:
            return None
        question = {"config": hashlib.sha256(config).hexdigest()}
    else:
        return None
    try:
        json.dumps(question)
    except (TypeError, ValueError):
        return None
    return {"format": FORMAT, "keras": _keras_version(), "settings": _settings(), **question}


@functools.cache
def _keras_version() -> str:
    """The installed Keras's version, read from its own file: asking `importlib.metadata` takes ten times as long."""
    spec = importlib.util.find_spec("keras")
    folder = os.path.dirname(spec.origin) if spec is not None and spec.origin else ""
    with contextlib.suppress(OSError), open(os.path.join(folder, "src", "version.py"), encoding="utf-8") as stream:
        found = re.search(r"__version__ = \"([^\"]+)\"", stream.read())
        if found:
            return found[1]
    from importlib import metadata

    return metadata.version("keras")


def _config_of(path: str) -> bytes | None:
    """The part of a `.keras` archive that its graph is made from."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read("config.json")
    except (OSError, KeyError, zipfile.BadZipFile):
        return None


def _settings() -> dict[str, str]:
    """Keras's own settings, as it would read them: they change dtypes and the order of axes."""
    home = os.environ.get("KERAS_HOME", os.path.join(os.path.expanduser("~"), ".keras"))
    try:
        with open(os.path.join(home, "keras.json"), "rb") as stream:
            written = hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        written = ""
    named = {key: value for key, value in os.environ.items() if key.startswith("KERAS_") and key != "KERAS_HOME"}
    return {"keras.json": written, **named}


def recall(key: Mapping[str, Any] | None) -> Graph | None:
    """The graph that was kept for a key, None where there is none that can be believed."""
    path = _path(key)
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as stream:
            entry = json.load(stream)
        payload = entry["graph"]
        if entry["key"] != key or entry["sha256"] != hashlib.sha256(payload.encode()).hexdigest():
            return None
        return from_plain(json.loads(payload))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def keep(key: Mapping[str, Any] | None, graph: Graph) -> None:
    """Keeps a graph for a key. Where that cannot be done, nothing happens: it is only a memory."""
    path = _path(key)
    if path is None:
        return
    with contextlib.suppress(OSError, NotPlain, ValueError):
        payload = json.dumps(to_plain(graph), separators=(",", ":"))
        checksum = hashlib.sha256(payload.encode()).hexdigest()
        folder = os.path.dirname(path)
        os.makedirs(folder, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".partial-", dir=folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump({"key": key, "sha256": checksum, "graph": payload}, stream)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


def _path(key: Mapping[str, Any] | None) -> str | None:
    folder = cache_folder()
    if key is None or folder is None:
        return None
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return os.path.join(folder, f"{name[:40]}.json")


@functools.cache
def _default_folder() -> str:
    import platformdirs

    return platformdirs.user_cache_dir("spec_compiler")


def cache_folder() -> str | None:
    """The folder of the entries, None where the cache is off."""
    chosen = os.environ.get(VARIABLE)
    if chosen == "off":
        return None
    return chosen or _default_folder()
