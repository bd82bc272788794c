"""What a spec of the gallery makes, beside what plain Keras makes by hand."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from spec_compiler import compile_spec
from tests.backend.conftest import assert_same_bits, outputs_of
from tests.backend.gallery.bases import fill

SPECS = Path(__file__).parents[3] / "specs" / "gallery"


def compiled(name: str, *overrides: str, allow_code: bool = False, **files: Path) -> Any:
    """The result of `specs/gallery/NAME.yaml`, bases on weights from files: `base=…`, or by their names in `bases`."""
    weights = [f"{key if key == 'base' else f'bases.{key}'}.weights={file}" for key, file in files.items()]
    return compile_spec(SPECS / f"{name}.yaml", overrides=[*weights, *overrides], allow_code=allow_code)


def images(*shape: int, seed: int = 0) -> Any:
    """Two random images of a shape, `(64, 64, 3)` where none is said, as a preprocessed one is."""
    return np.random.default_rng(seed).normal(size=(2, *(shape or (64, 64, 3)))).astype("float32")


def assert_same(
    ours: Any,
    theirs: Any,
    inputs: Any,
    new: Mapping[str, str] | Sequence[str] = (),
    *,
    custom_objects: Mapping[str, Any] | None = None,
) -> None:
    """The result of a spec puts out what the model by hand does, bit for bit; once more from a saved file.

    `new` pairs new layers that have weights: a list of their names by hand, in the order of the plan, or a mapping from
    ours. Those are given the same numbers; all that is kept must have its own. Inputs by name serve both models.
    """
    pairs = dict(zip(new_layers(ours), new, strict=True)) if not isinstance(new, Mapping) else new
    assert set(pairs) == set(new_layers(ours)), "pair every new layer that has weights"
    for one, other in pairs.items():
        layer = _layer(ours.model, one)
        fill(layer, seed=len(one))
        _layer(theirs, other).set_weights(layer.get_weights())
    wanted = outputs_of(theirs, inputs)
    found = ours.model(inputs, training=False)
    assert all(np.isfinite(each).all() and (each[0] != each[1]).any() for each in wanted), "these prove nothing"
    assert _names(found) == _names(theirs(inputs, training=False))
    assert_same_bits([keras.ops.convert_to_numpy(each) for each in keras.tree.flatten(found)], wanted)
    with tempfile.TemporaryDirectory() as folder:
        ours.model.save(file := Path(folder) / "model.keras")
        reloaded = keras.saving.load_model(file, custom_objects=custom_objects, compile=False)
    assert_same_bits(outputs_of(reloaded, inputs), wanted)


def new_layers(ours: Any) -> list[str]:
    """The new layers that have weights, by their names in Keras, in the order of the plan."""
    new = [change.after for change in ours.plan.changes if change.action == "new"]
    return [layer.name_in_keras for layer in new if layer.variables]


def _layer(model: Any, name: str) -> Any:
    """A layer of a model or, with a slash, of a model inside; its own name may have one."""
    for layer in model.layers:
        if layer.name == name:
            return layer
        if name.startswith(f"{layer.name}/"):
            return _layer(layer, name.removeprefix(f"{layer.name}/"))
    raise KeyError(name)


def _names(outputs: Any) -> list[str] | None:
    return list(outputs) if isinstance(outputs, dict) else None
