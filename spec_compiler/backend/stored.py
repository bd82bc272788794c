"""The checksums of a model file's weights, read one by one; the model itself is not built."""

from __future__ import annotations

import os

from spec_compiler.backend.bases import load
from spec_compiler.files import HERE
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
