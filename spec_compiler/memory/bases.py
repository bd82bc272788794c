"""The graphs of bases that Keras built before, each by what it depends on.

An application's by its arguments, a saved model's by its config, the result of another spec by the graph of that.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Mapping
from typing import Any

from spec_compiler.diagnostics import SpecError
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Shape
from spec_compiler.graph.plain import NotPlain, from_plain, to_plain
from spec_compiler.keras_facts.catalogue import catalogue
from spec_compiler.keras_facts.settings import has_own_objects, settings
from spec_compiler.language.base import Base
from spec_compiler.memory import cache
from spec_compiler.memory.cache import Key
from spec_compiler.memory.reader_code import code_checksum
from spec_compiler.memory.shapes.rules import RULES
from spec_compiler.reading import said_of
from spec_compiler.reading.model import config_hash

_REFUSED = {"refused": True}


def base_key(base: Base, folder: Folder) -> Key | None:
    """What the graph of an application or a saved model depends on; None for one that is not kept, and other bases.

    An application depends on its arguments, on whether its weights are `imagenet`, and on Keras, a saved model on its
    config, both on Keras's settings.

    Raises:
        SpecError: SC502, SC514 for a saved model that is damaged.
    """
    if base.application is not None:
        return application_key(base, base.arguments)
    if base.file is not None:
        try:
            path = folder.file(base.file, "model file")
        except SpecError:
            return None  # whoever reads the base says so
        config = _config_of(path)
        return _asked_of_keras({"config": list(config)}) if config is not None else None
    return None


def application_key(base: Base, arguments: Mapping[str, Any]) -> Key | None:
    """What the graph of a base's application depends on, with these arguments in place of its own."""
    imagenet = base.weights.kind == "imagenet"
    question = {"application": base.application, "arguments": dict(arguments), "imagenet": imagenet}
    try:
        json.dumps(question)
    except (TypeError, ValueError):
        return None  # a spec that is a Python dict may hold objects
    return _asked_of_keras(question)


def resized_key(key: Key | None, size: Shape) -> Key | None:
    """What the graph of an application depends on that its constructor makes at another size."""
    return {**key, "size": list(size)} if key is not None and "application" in key else None


def result_key(graph: Graph) -> Key | None:
    """What the graph of a spec's result depends on, once it is built and becomes a base: on the graph it is built from.

    They differ: what was new, changed or renamed is part of a base like everything else.
    """
    try:
        names = [layer.keras_name for layer in graph.layers.values()]  # `to_plain` leaves them out
        text = json.dumps([to_plain(graph), names], sort_keys=True)
    except NotPlain:
        return None
    return _asked_of_keras({"result": hashlib.sha256(text.encode()).hexdigest()})


def templates_key() -> Key | None:
    """What the templates of `memory/shapes` depend on."""
    return _asked_of_keras({"templates": sorted(RULES)})


def _asked_of_keras(question: dict[str, Any]) -> Key | None:
    if has_own_objects():
        return None  # a class of the caller's may have the name of one of Keras's
    return {"code": code_checksum(), "keras": keras_version(), "settings": settings(), **question}


def nested_key(key: Key | None, name: str | None) -> Key | None:
    """What the graph of a base that stays one layer depends on."""
    return {"code": code_checksum(), "nested": key, "name": name} if key is not None else None


def joined_key(keys: Mapping[str, Key | None]) -> Key | None:
    """What the graph of several bases depends on."""
    return None if None in keys.values() else {"code": code_checksum(), "bases": dict(keys)}


def recall_graph(key: Key | None) -> Graph | None:
    """The graph that was kept for a key, None where there is none that can be believed."""
    data = cache.recall(key) if key is not None else None
    try:
        return from_plain(data) if data is not None else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def keep_refusal(key: Key | None) -> None:
    """Keeps that Keras makes no graph for a key."""
    if key is not None:
        cache.keep(key, _REFUSED)


def is_refused(key: Key | None) -> bool:
    """Whether Keras is known to make no graph for a key."""
    return key is not None and cache.recall(key) == _REFUSED


def keep_graph(key: Key | None, graph: Graph) -> None:
    """Keeps a graph for a key."""
    if key is not None:
        with contextlib.suppress(NotPlain):
            cache.keep(key, to_plain(graph))


@functools.cache
def keras_version() -> str:
    """The installed Keras's version, read from its own file: asking `importlib.metadata` takes ten times as long.

    Where none is installed it is the one that the catalogue was made of: what that Keras said elsewhere is known here.
    """
    spec = importlib.util.find_spec("keras")
    folder = os.path.dirname(spec.origin) if spec is not None and spec.origin else ""
    with contextlib.suppress(OSError), open(os.path.join(folder, "src", "version.py"), encoding="utf-8") as stream:
        if version := re.search(r"__version__ = \"([^\"]+)\"", stream.read()):
            return version[1]
    from importlib import metadata

    try:
        return metadata.version("keras")
    except metadata.PackageNotFoundError:
        return str(catalogue()["keras"])


def _config_of(path: str) -> tuple[str, str] | None:
    """The format of a saved model, and a hash of the part of it that its graph is made from; None in a weights file."""
    try:
        with said_of(path, "a model", "save it again"):
            return config_hash(path)
    except SpecError as error:
        raise error.under("file") from None
