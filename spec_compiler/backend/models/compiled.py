"""What a compiled model has beside its layers, as Keras saves it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import h5py
import keras

from spec_compiler.backend.models.saving import numbered
from spec_compiler.weights.plain_results import NotStreamed
from spec_compiler.weights.streamed import Compiled

_GROUP = "optimizer"


def compiled_with(model: Any, arguments: Mapping[str, Any], place: str) -> Compiled:
    """Compiles a model, whose variables need no values, and says what of that is saved.

    What its optimizer holds, Keras itself writes: with a model without variables, to a file at `place` that is taken
    away again.

    Raises:
        NotStreamed: the optimizer holds what is no plain array.
    """
    model.compile(**arguments)
    inputs = keras.Input((1,))
    small = keras.Model(inputs, keras.layers.Identity()(inputs))
    small.compile(optimizer=model.optimizer, loss="mse", jit_compile=False)
    file = f"{place}.optimizer.weights.h5"
    try:
        small.save_weights(file)
        with h5py.File(file, "r") as store:
            groups, arrays = _held(store[_GROUP]) if _GROUP in store else ({}, {})
    finally:
        if os.path.exists(file):
            os.unlink(file)
    return Compiled(numbered(keras.saving.serialize_keras_object(model.get_compile_config())), groups, arrays)


def _held(group: Any) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """What is written of each group in a group, and the arrays there."""
    groups: dict[str, dict[str, Any]] = {}
    arrays: dict[str, Any] = {}

    def found(name: str, member: Any) -> None:
        path = f"{_GROUP}/{name}"
        if isinstance(member, h5py.Group):
            groups[path] = dict(member.attrs)
        elif member.dtype.kind in "iufb":
            arrays[path] = member[()]
        else:
            raise NotStreamed(f"the optimizer's `{name}`")

    group.visititems(found)
    return groups, arrays
