"""Layers with weights against the arrays of a file, and what is said where they are another model's."""

from __future__ import annotations

import os
from collections.abc import Sequence

from spec_compiler.diagnostics import SpecError, quoted
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.weights.files.store import Store


def weighted(base: Graph) -> list[LayerSpec]:
    """The base's layers that have weights, in the order of `model.layers`."""
    layers = [layer for layer in base.layers.values() if layer.weights]
    return sorted(layers, key=lambda layer: (layer.position is None, layer.position or 0))


def shape_problems(store: Store, name: str, layer: LayerSpec, index: int) -> list[str]:
    """Why an array cannot be a layer's variable: it has another shape, or only one of the two holds floats.

    A quantized kernel has the shape of the one that it came from.
    """
    assert layer.variables is not None
    variable = layer.variables[index]
    if name not in store.contents.arrays:
        return [f"`{layer.name}`: the file has no array `{name}`"]
    shape, dtype = store.info(name).shape, store.info(name).dtype
    if shape != variable.shape:
        return [f"`{layer.name}` has a {variable.path} of {variable.shape}, the file one of {shape}"]
    if ("float" in variable.dtype) != (dtype.kind in "fV"):  # V: bfloat16, which HDF5 does not know
        return [f"`{layer.name}` has a {variable.path} of {variable.dtype}, the file one of {dtype}"]
    return []


def another_model(
    path: str, base: Graph, facts: Sequence[str], *, names: Sequence[str] = (), wanted: Sequence[str] = ()
) -> SpecError:
    """SC503 for a file of another model, with the first few facts that show it.

    `names` are the layers of the file, `wanted` those of the base. Where one list holds the whole other, what it has
    besides is one more fact.
    """
    texts = list(facts)
    help = "name a file that was saved from this model, or a checkpoint with other names as `{file: …, map: …}`"
    if path.endswith(".keras"):
        help += f";\n`base: {{file: {os.path.basename(path)}}}` begins with the model that this file holds"
    missing = [name for name in wanted if name not in names]
    extra = [name for name in names if name not in wanted]
    if missing and not extra:
        texts.append(f"the file lacks {quoted(missing[:4])}")
        help = "a file without the top belongs to `include_top: false`" if _is_top(missing) else help
    elif extra and not missing:
        texts.append(f"only the file has {quoted(extra[:4])}")
        help = "a file with the top belongs to `include_top: true`" if _is_top(extra) else help
    more = [f"and {len(texts) - 4} more"] if len(texts) > 4 else []
    message = f"`{os.path.basename(path)}` holds the weights of another model than `{base.name}`"
    return SpecError.single("SC503", message, notes=[*texts[:4], *more], help=help)


def _is_top(names: Sequence[str]) -> bool:
    return any(name.startswith(("predictions", "fc1", "top_", "probs")) for name in names)
