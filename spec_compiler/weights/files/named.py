"""A safetensors file: arrays by the name of their layer and their own."""

from __future__ import annotations

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Place
from spec_compiler.weights.files.misfit import another_model, shape_problems, weighted
from spec_compiler.weights.files.store import Store


def names_of(layer: LayerSpec) -> dict[str, int]:
    """The weights of a layer by name, such as `kernel`; where two have one name, the second gets a number."""
    found: dict[str, int] = {}
    for index, variable in enumerate(layer.variables or ()):
        if variable.is_weight:
            name, number = variable.path, 1
            while name in found:
                name, number = f"{variable.path}_{number}", number + 1
            found[name] = index
    return found


def group_of(name: str) -> str:
    """The layer in the name of an array: `fc1` of `fc1/kernel`, `layer1.0` of `layer1.0.weight`."""
    return name.partition("/")[0] if "/" in name else name.rpartition(".")[0] or name


def arrays_of(store: Store, group: str) -> dict[str, str]:
    """The arrays of a layer in the file, by the names that they have there beside the layer's."""
    starts = f"{group}/", f"{group}."
    return {each[len(group) + 1 :]: each for each in store.arrays if each.startswith(starts)}


def find_named(store: Store, base: Graph, path: str) -> dict[Place, str]:
    """The array of each variable.

    Raises:
        SpecError: SC503.
    """
    datasets: dict[Place, str] = {}
    problems: list[str] = []
    for layer in weighted(base):
        for name, index in names_of(layer).items():
            datasets[layer.name, index] = f"{layer.name}/{name}"
            problems += shape_problems(store, f"{layer.name}/{name}", layer, index)
    groups = dict.fromkeys(map(group_of, store.arrays))
    wanted = [layer.name for layer in weighted(base)]
    own = set(datasets.values())
    unknown = [name for name in groups if name not in wanted]
    problems += [f"only the file has `{name}`" for name in store.arrays if name not in own] if not unknown else []
    if problems or unknown:
        raise another_model(path, base, problems, names=list(groups), wanted=wanted)
    return datasets
