"""Keras 3's `.weights.h5` format, also in a `.keras` archive: groups named by class, variables by number."""

from __future__ import annotations

from typing import Any

import h5py

from spec_compiler.backend.files.misfit import another_model, shape_problems, weighted
from spec_compiler.graph import Graph, Place


def find_keras3(store: Any, base: Graph, path: str) -> dict[Place, str]:
    """The array of each variable, at the place where Keras saves it.

    Raises:
        SpecError: SC503.
    """
    found: dict[Place, str] = {}
    problems: list[str] = []
    for layer in weighted(base):
        for index, variable in enumerate(layer.variables or ()):
            if not variable.is_weight or variable.store_path is None or layer.store_group is None:
                continue
            name = f"{layer.store_group}/{variable.store_path}"
            if name not in store:
                shared = variable.shared_path or name
                others = (shared, *(_as_before(each) for each in (name, shared)))
                other = next((each for each in others if each in store), None)
                if other is None:
                    problems.append(f"`{layer.name}`: the file has no `{name}`")
                    continue
                name = other
            found[layer.name, index] = name
            problems += shape_problems(store, name, layer, index)
    taken = {name.rpartition("/vars/")[0] for name in found.values()}
    spare = [group for group in weight_groups(store) if group not in taken]
    if spare and not problems:
        problems.append(
            f"the file holds weights that the base has no layer for: {', '.join(f'`{each}`' for each in spare[:3])}"
        )
    if problems:
        raise another_model(path, base, problems)
    return found


def _as_before(name: str) -> str:
    """The same place as early versions of Keras 3 called it."""
    return name.replace("layers/", "_layer_checkpoint_dependencies/", 1)


def weight_groups(store: Any) -> list[str]:
    """The groups of a Keras 3 weights file that hold arrays, less the optimizer's."""
    found: dict[str, None] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith(("optimizer", "_optimizer")):
            found[name.rpartition("/vars/")[0] if "/vars/" in name else name.rpartition("/")[0]] = None

    store.visititems(visit)
    return list(found)
