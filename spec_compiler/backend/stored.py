"""The checksums of a model file's weights, read one by one; the model itself is not built. And what a model would be
if it came from a file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from spec_compiler.backend.bases import load
from spec_compiler.backend.models.functions import import_modules
from spec_compiler.backend.models.reader import read_graph
from spec_compiler.files import HERE, Folder
from spec_compiler.graph import Graph
from spec_compiler.language.base import Base
from spec_compiler.plan.two_models import Checksums
from spec_compiler.weights.checksum import checksum


def read_stored(file: str, allow_code: bool = False) -> tuple[Graph, Checksums]:
    """The graph in a `.keras` or `.h5` file, and for each layer with weights their checksums, in order.

    Raises:
        SpecError: SC501, SC502, SC112 or SC304, as for a spec's base.
    """
    base = load(Base(file=os.path.abspath(file)), HERE, allow_code)
    checksums: Checksums = {}
    with base.weights(base.graph).opened() as store:
        for layer in base.graph.layers.values():
            places = [(layer.name, index) for index, each in enumerate(layer.variables or ()) if each.is_weight]
            if places and all(store.origin(place) is not None for place in places):
                # one by one: of a model of many gigabytes only one array is in memory
                checksums[layer.name] = tuple(checksum(store.read(place)) for place in places)
    return base.graph, checksums


def read_variables(
    file: str, folder: str, modules: Iterable[str], allow_code: bool
) -> tuple[Graph, dict[str, tuple[str | None, ...]]]:
    """The graph in a file, and for each layer the checksum of each of its variables, None of what the file leaves out.

    Its code is looked for in `folder` as well, and in these modules.

    Raises:
        SpecError: as `read_stored`.
    """
    place = Folder(folder)  # the caller names the file, wherever it is
    imported = import_modules(modules, place, "SC119") if allow_code else []
    base = load(Base(file=os.path.abspath(file)), place, allow_code, imported)
    found: dict[str, tuple[str | None, ...]] = {}
    with base.weights(base.graph).opened() as store:
        for layer in base.graph.layers.values():
            places = [(layer.name, index) for index in range(len(layer.variables or ()))]
            # one by one, as above
            found[layer.name] = tuple(
                checksum(store.read(each)) if store.origin(each) is not None else None for each in places
            )
    return base.graph, found


def graph_of(model: Any) -> Graph:
    """The graph of a model, its layers under the names that Keras has for them."""
    return read_graph(model)
