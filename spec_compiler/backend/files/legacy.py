"""Keras's legacy H5 format: layers in the order of `layer_names`, arrays in that of `weight_names`.

A weights file has the layers at its root, a saved model in the group `model_weights`.
"""

from __future__ import annotations

from typing import Any

from spec_compiler.backend.files.misfit import another_model, shape_problems, weighted
from spec_compiler.graph import Graph, Place

_LAYERS = "layer_names"
_WEIGHTS = "weight_names"
_MODEL = "model_weights"


def is_legacy(store: Any) -> bool:
    """Whether an open file has this format."""
    attributes = store.get(_MODEL, store).attrs
    return _LAYERS in attributes or f"{_LAYERS}0" in attributes


def find_legacy(store: Any, base: Graph, path: str) -> dict[Place, str]:
    """The array of each variable: the layers with weights in order, each with its weights in order.

    Raises:
        SpecError: SC503.
    """
    group, prefix = (store[_MODEL], f"{_MODEL}/") if _MODEL in store else (store, "")
    names = [name for name in _names(group, _LAYERS) if weight_names(group[name])]
    layers = weighted(base)
    if len(names) != len(layers):
        counts = f"it holds {len(names)} layers with weights, the base has {len(layers)}"
        raise another_model(path, base, [counts], names=names, wanted=[layer.name for layer in layers])
    found: dict[Place, str] = {}
    problems: list[str] = []
    for name, layer in zip(names, layers, strict=True):
        order = weight_names(group[name])
        wanted = sorted(
            (each.legacy_index, index) for index, each in enumerate(layer.variables or ()) if each.is_weight
        )
        if len(order) != len(wanted):
            problems.append(f"`{layer.name}` has {len(wanted)} variables, `{name}` in the file {len(order)}")
            continue
        for weight, (_, index) in zip(order, wanted, strict=True):
            found[layer.name, index] = f"{prefix}{name}/{weight}"
            problems += shape_problems(group, f"{name}/{weight}", layer, index)
    if problems:
        raise another_model(path, base, problems)
    return found


def weight_names(group: Any) -> list[str]:
    """The names of a layer's arrays in order; none where the group is not a legacy layer's."""
    return _names(group, _WEIGHTS)


def _names(group: Any, attribute: str) -> list[str]:
    """A list of names in the attributes of a group, which Keras splits over several attributes where it is long."""
    parts: list[Any] = []
    if attribute in group.attrs:
        parts = list(group.attrs[attribute])
    else:
        number = 0
        while f"{attribute}{number}" in group.attrs:
            parts += list(group.attrs[f"{attribute}{number}"])
            number += 1
    return [part.decode("utf-8") if isinstance(part, bytes) else str(part) for part in parts]
