"""Keras 3's `.weights.h5` format, also in a `.keras` archive: groups named by class, variables by number."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spec_compiler.diagnostics import quoted
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Place
from spec_compiler.weights.files.keras3_groups import older
from spec_compiler.weights.files.misfit import another_model, shape_problems, weighted
from spec_compiler.weights.files.store import Store


def find_keras3(store: Store, base: Graph, path: str) -> dict[Place, str]:
    """The array of each variable, at the place where Keras saves it.

    Raises:
        SpecError: SC503.
    """
    datasets: dict[Place, str] = {}
    problems: list[str] = []
    for layer in weighted(base):
        for index, variable in enumerate(layer.variables or ()):
            if not variable.is_weight or variable.store_path is None or layer.stored.group is None:
                continue
            name = f"{layer.stored.group}/{variable.store_path}"
            shared = variable.shared_path or name  # a layer at two places is saved at the first that Keras comes to
            dataset = next((each for each in (name, shared, older(name), older(shared)) if each in store), None)
            if dataset is None:
                problems.append(f"`{layer.name}`: the file has no `{name}`")
                continue
            datasets[layer.name, index] = dataset
            problems += shape_problems(store, dataset, layer, index)
    placed = set(datasets.values())
    loaded = [f"{layer.stored.group}/" for layer in base.layers.values() if layer.stored.group and _loads_more(layer)]
    loaded += [f"{group}/optimizer/" for group in _nested_groups(base)]  # of models that were compiled as well
    loaded += [older(place) for place in loaded]
    spare = [name for name in store.arrays if name not in placed and not name.startswith(tuple(loaded))]
    spare = [name for name in spare if not _is_copy(store, name, placed)]  # last: it reads arrays
    if spare and not problems:  # where an array is missing, too, that alone says it is another model
        listed = quoted(spare[:3])
        problems.append(f"the file holds weights that no layer of the base takes: {listed}")
    if problems:
        raise another_model(path, base, problems)
    return datasets


def _nested_groups(base: Graph) -> Iterator[str]:
    for layer in base.layers.values():
        if layer.inner is not None and (group := layer.stored.group) is not None:
            yield group
            yield from (f"{group}/{inside}" for inside in _nested_groups(layer.inner))


def _is_copy(store: Store, name: str, placed: set[str]) -> bool:
    """Whether an array is another of the same layer: `SpectralNormalization` and its inner layer both save a kernel."""
    layer = "/".join(name.split("/")[:2]) + "/"
    shape = store.info(name).shape
    alike = (each for each in placed if each.startswith(layer) and store.info(each).shape == shape)
    return any(np.array_equal(store.read(each), store.read(name)) for each in alike)


def _loads_more(layer: LayerSpec) -> bool:
    """Whether Keras's own loading of a layer reads arrays that are no variable of it: a kernel with LoRA merged in."""
    return layer.stored.loads_itself or any(each.store_path is None for each in layer.weights)


def weight_groups(store: Store) -> list[str]:
    """The groups of a Keras 3 weights file that hold arrays, less the optimizer's."""
    return list(dict.fromkeys(each.rpartition("/vars/" if "/vars/" in each else "/")[0] for each in store.arrays))
