"""What a model holds, in a file and in memory, in the same words: its graph, and checksums of all that Keras saves."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spec_compiler.backend.bases import load
from spec_compiler.backend.models.functions import import_modules
from spec_compiler.backend.models.reader import read_graph
from spec_compiler.backend.models.state import keras_says
from spec_compiler.backend.models.store import saveables
from spec_compiler.files import Folder
from spec_compiler.files.whole import scratch
from spec_compiler.graph import Graph
from spec_compiler.language.base import Base, Weights
from spec_compiler.locking.provenance import digest_of
from spec_compiler.reading.archive import SIGNATURE, open_archive
from spec_compiler.weights.checksum import checksum
from spec_compiler.weights.files import find
from spec_compiler.weights.sources import WeightSource

_MAX_ASSET = 1 << 30  # a vocabulary


@dataclass(frozen=True)
class Holding:
    """A model as it is held.

    `checksums` has for each layer one for each of its variables, None of what a file leaves out; `assets` for each
    layer those of the files that Keras saves for it, a vocabulary for one, by their places below the layer.
    """

    graph: Graph
    checksums: Mapping[str, tuple[str | None, ...]]
    assets: Mapping[str, Mapping[str, str]]


def held_by_file(file: str, folder: str, modules: Iterable[str], allow_code: bool) -> Holding:
    """What a `.keras` or `.h5` file holds; no layer is made for it, and one array after the other is in memory.

    Its code is looked for in `folder` as well, and in these modules.

    Raises:
        SpecError: SC501, SC502, SC112 or SC304, as for a spec's base.
    """
    place = Folder(folder)  # the caller names the file, wherever it is
    imported = import_modules(modules, place, "SC119") if allow_code else []
    base = load(Base(file=os.path.abspath(file)), place, allow_code, imported)
    checksums = _checksums(base.graph, base.weights(base.graph))
    return Holding(base.graph, checksums, _assets_in(file, base.graph))


def _assets_in(file: str, graph: Graph) -> dict[str, dict[str, str]]:
    with open(file, "rb") as stream:
        if stream.read(len(SIGNATURE)) != SIGNATURE:
            return {}
    found: dict[str, dict[str, str]] = {}
    with open_archive(file) as archive:
        for layer in graph.layers.values():
            start = f"assets/{layer.stored.group}/"
            for name in archive.members if layer.stored.group else ():
                if name.startswith(start) and not name.endswith("/"):
                    data = archive.read(name, _MAX_ASSET)
                    found.setdefault(layer.name, {})[name.removeprefix(start)] = digest_of(data)
    return found


def held_by_weights(file: str, graph: Graph) -> Holding:
    """What a file of weights alone holds of a graph.

    Raises:
        SpecError: SC502, SC503, SC514.
    """
    source = find(os.path.abspath(file), Weights("file", file), graph, graph)
    return Holding(graph, _checksums(graph, source), {})


def held_by_model(model: Any) -> Holding:
    """The graph of a model, its layers under Keras's names for them, and what Keras would save beside the weights."""
    return Holding(read_graph(model), {}, _assets_of(model))


def _checksums(graph: Graph, source: WeightSource) -> dict[str, tuple[str | None, ...]]:
    found: dict[str, tuple[str | None, ...]] = {}
    with source.opened() as store:
        for layer in graph.layers.values():
            places = [(layer.name, index) for index in range(len(layer.variables or ()))]
            found[layer.name] = tuple(
                checksum(store.read(each)) if store.origin(each) is not None else None for each in places
            )
    return found


def _assets_of(model: Any) -> dict[str, dict[str, str]]:
    """The checksums of the files that Keras would save for each layer of a model."""
    found: dict[str, dict[str, str]] = {}
    for layer in model.layers:
        for place, part in saveables(layer):
            if not hasattr(part, "save_assets"):
                continue
            with scratch() as folder, keras_says():
                part.save_assets(folder)
                for file in sorted(Path(folder).rglob("*")):
                    if file.is_file():
                        name = f"{place}{file.relative_to(folder).as_posix()}"
                        found.setdefault(layer.name, {})[name] = digest_of(file.read_bytes())
    return found
