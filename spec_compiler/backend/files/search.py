"""Which of a file's arrays each of a base's variables is."""

from __future__ import annotations

import os

from spec_compiler.backend.files.found import FileWeights
from spec_compiler.backend.files.hdf5 import open_h5
from spec_compiler.backend.files.keras3 import find_keras3
from spec_compiler.backend.files.legacy import find_legacy, is_legacy
from spec_compiler.backend.files.mapped import find_mapped
from spec_compiler.backend.files.saved_state import check_assets, layer_groups
from spec_compiler.base import Weights
from spec_compiler.graph import Graph


def find(path: str, weights: Weights, base: Graph, result: Graph) -> FileWeights:
    """Where each of the base's variables is in a file, with every shape compared. No array is read.

    A map may also name new layers of the result.

    Raises:
        SpecError: SC502, SC503 the file belongs to another model, SC506 a map entry that does not fit, SC512.
    """
    with open_h5(path) as store:
        if weights.map is not None:
            check_assets(result, "a weight map")
            return find_mapped(path, weights, store, base, result)
        legacy = is_legacy(store)
        datasets = find_legacy(store, base, path) if legacy else find_keras3(store, base, path)
        groups = {} if legacy else dict(layer_groups(base, older="layers" not in store))
        check_assets(result, f"`{os.path.basename(path)}`", path, groups)
        return FileWeights(path, weights.text, datasets, groups=groups)
