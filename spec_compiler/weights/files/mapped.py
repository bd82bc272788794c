"""A file whose names are another model's: the spec's map says which group belongs to which layer."""

from __future__ import annotations

from spec_compiler.diagnostics import Diagnostic, SpecError, did_you_mean, quoted
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Place
from spec_compiler.language.base import Weights
from spec_compiler.reading.model import SAFETENSORS
from spec_compiler.weights.files.found import FileWeights
from spec_compiler.weights.files.keras3 import weight_groups
from spec_compiler.weights.files.legacy import weight_names
from spec_compiler.weights.files.misfit import shape_problems, weighted
from spec_compiler.weights.files.named import arrays_of, group_of, names_of
from spec_compiler.weights.files.store import Store


def find_mapped(path: str, weights: Weights, store: Store, base: Graph, result: Graph) -> FileWeights:
    """The arrays of the layers that the map names, new ones of the result among them.

    Raises:
        SpecError: SC506.
    """
    assert weights.map is not None
    datasets: dict[Place, str] = {}
    problems: list[Diagnostic] = []
    has_names = path.endswith(SAFETENSORS)
    groups = list(dict.fromkeys(map(group_of, store.arrays))) if has_names else weight_groups(store)
    kept_layers = {layer.name: layer for layer in weighted(base)}
    new_layers = {name: layer for name, layer in result.layers.items() if layer.is_new and layer.weights}
    layers = {**kept_layers, **new_layers}
    for name, group in weights.map.items():
        layer = layers.get(name)
        if layer is None:
            message, help = f"`{name}` has no weights", None
            if name not in base.layers and name not in result.layers:
                message = f"no layer named `{name}`, in the base or in the result"
                help = did_you_mean(name, layers)
            problems.append(Diagnostic("SC506", message, ("map", name), at_key=True, help=help))
            continue
        if group.strip("/") not in store:
            message = f"the file has no group `{group}`"
            otherwise = f"it has {quoted(groups[:4])} …"
            problems.append(Diagnostic("SC506", message, ("map", name), help=did_you_mean(group, groups, otherwise)))
            continue
        weights_of_layer = [index for index, each in enumerate(layer.variables or ()) if each.is_weight]
        if has_names:
            there, wanted = arrays_of(store, group.strip("/")), names_of(layer)
            if there.keys() != wanted.keys():
                message = f"`{name}` has {quoted(list(wanted))}, `{group}` in the file {quoted(list(there))}"
                help = "arrays of a `.safetensors` file are found by their names: save them with those of the layer"
                problems.append(Diagnostic("SC506", message, ("map", name), help=help))
                continue
            in_group = [there[each] for each in wanted]
        else:
            in_group = _datasets(store, group.strip("/"))
        if len(in_group) != len(weights_of_layer):
            message = f"`{name}` has {len(weights_of_layer)} variables, the group `{group}` {len(in_group)}"
            problems.append(Diagnostic("SC506", message, ("map", name)))
            continue
        for index, dataset in zip(weights_of_layer, in_group, strict=True):
            datasets[name, index] = dataset
            for message in shape_problems(store, dataset, layer, index):
                help = "map it to a group with this shape"
                problems.append(Diagnostic("SC506", message, ("map", name), help=help))
    if problems:
        raise SpecError(problems)
    mapped = {group.strip("/") for group in weights.map.values()}
    unused = tuple(group for group in groups if group not in mapped)
    unmapped = tuple(name for name in kept_layers if name not in weights.map)
    return FileWeights(path, weights.text, datasets, unmapped, unused, frozenset(new_layers) & frozenset(weights.map))


def _datasets(store: Store, group: str) -> list[str]:
    """The arrays of a group in order: as Keras 3 numbers them, as a legacy file lists them, or by name."""
    if group in store.contents.arrays:
        return [group]
    order = weight_names(store, group)
    if order:
        return [f"{group}/{name}" for name in order]
    if f"{group}/vars" in store.contents.groups:
        group = f"{group}/vars"
    numbers_first = sorted(  # `10` comes after `9`
        store.contents.arrays_in(group),
        key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name),
    )
    return [f"{group}/{name}" for name in numbers_first]
