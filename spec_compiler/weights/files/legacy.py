"""Keras's legacy H5 format: layers in the order of `layer_names`, arrays in that of `weight_names`.

A weights file has the layers at its root, a saved model in the group `model_weights`.
"""

from __future__ import annotations

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Place
from spec_compiler.weights.files.misfit import another_model, shape_problems, weighted
from spec_compiler.weights.files.store import Store

_LAYERS = "layer_names"
_WEIGHTS = "weight_names"
_MODEL = "model_weights"


def is_legacy(store: Store) -> bool:
    """Whether an open file has this format."""
    return store.texts(_root(store), _LAYERS) is not None


def find_legacy(store: Store, base: Graph, path: str) -> dict[Place, str]:
    """The array of each variable: the layers with weights in order, each with its weights in order.

    Raises:
        SpecError: SC503.
    """
    root = _root(store)
    prefix = f"{root}/" if root else ""
    names = [name for name in store.texts(root, _LAYERS) or () if weight_names(store, f"{prefix}{name}")]
    layers = weighted(base)
    if len(names) != len(layers):
        counts = f"it holds {len(names)} layers with weights, the base has {len(layers)}"
        raise another_model(path, base, [counts], names=names, wanted=[layer.name for layer in layers])
    datasets: dict[Place, str] = {}
    problems: list[str] = []
    for name, layer in zip(names, layers, strict=True):
        stored = weight_names(store, f"{prefix}{name}")
        weights = [(each.legacy_index, index) for index, each in enumerate(layer.variables or ()) if each.is_weight]
        if len(stored) != len(weights):
            problems.append(f"`{layer.name}` has {len(weights)} variables, `{name}` in the file {len(stored)}")
            continue
        # `keras/src/legacy/saving/legacy_h5_format.py` saves weights that train before those that do not
        for weight, (_, index) in zip(stored, sorted(weights), strict=True):
            datasets[layer.name, index] = f"{prefix}{name}/{weight}"
            problems += shape_problems(store, f"{prefix}{name}/{weight}", layer, index)
    if problems:
        raise another_model(path, base, problems)
    return datasets


def weight_names(store: Store, group: str) -> list[str]:
    """The names of a layer's arrays in order; none where the group is not a legacy layer's."""
    return store.texts(group, _WEIGHTS) or []


def _root(store: Store) -> str:
    return _MODEL if _MODEL in store.contents.groups else ""
