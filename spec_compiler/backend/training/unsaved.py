"""The variables that Keras's own files change or leave out, so that a checkpoint can carry them beside the model.

What a layer saves it says in `save_own_variables`. Layers with LoRA save one merged kernel there, and nothing holds the
states of random generators.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

Array = np.ndarray[Any, Any]


def unsaved_variables(model: Any) -> dict[str, Array]:
    """The value of every variable of the model that is not saved as it is, by its position."""
    saved: set[int] = set()
    for layer in [model, *model._flatten_layers(include_self=False)]:
        of_layer = [*layer._trainable_variables, *layer._non_trainable_variables]
        store: dict[str, Any] = {}
        try:
            layer.save_own_variables(store)
        except Exception:  # noqa: S112 - any class's own code: what it does not save is what is looked for
            continue
        kept = list(store.values())
        saved |= {id(each) for each in of_layer if any(_is_same(each, value) for value in kept)}
        if len(kept) != len(of_layer):  # something is merged, and what is loaded may be derived from it
            saved -= {id(each) for each in of_layer}
    variables = enumerate(model.variables)
    return {str(at): _bytes(keras.ops.convert_to_numpy(each)) for at, each in variables if id(each) not in saved}


def restore_unsaved(model: Any, arrays: Mapping[str, Array]) -> None:
    """Gives the variables back the values that `unsaved_variables` read."""
    variables = list(model.variables)
    for at, array in arrays.items():
        variable = variables[int(at)]
        like = np.asarray(keras.ops.convert_to_numpy(variable))
        variable.assign(array.view(like.dtype).reshape(like.shape))


def _is_same(variable: Any, value: Any) -> bool:
    if value is variable:
        return True
    array, stored = np.asarray(keras.ops.convert_to_numpy(variable)), np.asarray(value)
    return array.shape == stored.shape and array.dtype == stored.dtype and array.tobytes() == stored.tobytes()


def _bytes(array: Any) -> Array:
    """The array as bytes: numpy's files know no bfloat16."""
    return np.ascontiguousarray(array).reshape(-1).view("uint8")
