"""Which of a file's arrays each of a base's variables is."""

from __future__ import annotations

import os
from dataclasses import replace

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Place
from spec_compiler.language.base import Weights
from spec_compiler.reading import said_of
from spec_compiler.reading.model import SAFETENSORS
from spec_compiler.weights.files.found import HELP, WHAT, FileWeights
from spec_compiler.weights.files.keras3 import find_keras3
from spec_compiler.weights.files.keras3_groups import check_assets, layer_groups, older
from spec_compiler.weights.files.legacy import find_legacy, is_legacy
from spec_compiler.weights.files.mapped import find_mapped
from spec_compiler.weights.files.named import find_named
from spec_compiler.weights.files.store import Store, most_for, open_store


def find(path: str, weights: Weights, base: Graph, result: Graph) -> FileWeights:
    """Where each of the base's variables is in a file, with every shape compared. No array is read.

    A map may also name new layers of the result.

    Raises:
        SpecError: SC502, SC503 the file belongs to another model, SC506 a map entry that does not fit, SC512,
            SC514.
    """
    with said_of(path, WHAT, HELP):
        # what a mapped file holds besides is another model's, of which only its own size is known
        limit = most_for(os.path.getsize(path) if weights.map is not None else _num_bytes(base))
        with open_store(path, limit) as store:
            if weights.map is not None:
                check_assets(result, "a weight map")
                weights_in_file = find_mapped(path, weights, store, base, result)
            else:
                datasets, has_groups = _found(store, base, path)
                groups = dict(layer_groups(base)) if has_groups else {}
                if "layers" not in store:
                    groups = {name: older(group) for name, group in groups.items()}
                check_assets(result, f"`{os.path.basename(path)}`", store.members, groups)
                weights_in_file = FileWeights(path, weights.text, datasets, groups=groups)
            verified = store.is_verified(weights_in_file.datasets.values())
    return replace(weights_in_file, limit=limit, unverified=() if verified else (os.path.basename(path),))


def _found(store: Store, base: Graph, path: str) -> tuple[dict[Place, str], bool]:
    """The array of each variable, and whether the file has a group for each layer, as Keras 3 saves it."""
    if path.endswith(SAFETENSORS):
        return find_named(store, base, path), False
    if is_legacy(store):
        return find_legacy(store, base, path), False
    return find_keras3(store, base, path), True


def _num_bytes(base: Graph) -> int:
    variables = (each for layer in base.layers.values() for each in layer.variables or ())
    return sum(each.num_elements * 4 for each in variables)
