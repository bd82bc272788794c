"""Bases of the gallery: applications of which no variable has the value that a fresh one has."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np


def base_model(application: str, **arguments: Any) -> Any:
    """The application as Keras makes it, without downloads; the same arguments give the same numbers.

    Keras counts names anew from here on, so that those of the layers are those that a user sees.
    """
    keras.utils.clear_session(free_memory=False)
    model = getattr(keras.applications, application)(weights=None, **arguments)
    # Each block of a ResNet adds to the one before: with factors around 1, a softmax behind it says one class for sure.
    factors = (0.3, 1.1) if application.startswith("ResNet") else (0.6, 1.4)
    fill(model, seed=int(_key(application, arguments), 16), factors=factors)
    return model


def base_file(application: str, folder: Path, **arguments: Any) -> Path:
    """The weights of `base_model` in a file, which is written once in a folder."""
    file = folder / f"{application}-{_key(application, arguments)}.weights.h5"
    if not file.exists():
        base_model(application, **arguments).save_weights(file)
    return file


def rebuilt(base: Any, change: Callable[[Any, Any], Any]) -> Any:
    """The model where `change(layer, taken)` says what each layer puts out, which `layer(taken)` leaves as it is."""
    inputs = keras.Input(base.input_shape[1:])
    tensors = {id(base.input): inputs}
    for layer in base.layers[1:]:
        taken = keras.tree.map_structure(lambda tensor: tensors[id(tensor)], layer.input)
        tensors[id(layer.output)] = change(layer, taken)
    return keras.Model(inputs, tensors[id(base.output)])


def fill(model: Any, seed: int, factors: tuple[float, float] = (0.6, 1.4)) -> None:
    """Gives every variable seeded values, no bias, factor or statistic at its default; deep nets stay finite."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        if "float" in str(variable.dtype):
            variable.assign(_values(variable.name, tuple(variable.shape), random, factors))
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with what it derives from its variables


def _values(name: str, shape: tuple[int, ...], random: np.random.Generator, factors: tuple[float, float]) -> Any:
    if "variance" in name or name == "gamma":
        return random.uniform(*(factors if name == "gamma" else (0.6, 1.4)), shape)
    if len(shape) < 2:
        return random.normal(size=shape, scale=0.1)
    of_one_channel = len(shape) == 4 and shape[0] > 1 and shape[-1] == 1  # as a depthwise kernel is
    scale = np.sqrt(2 / np.prod(shape[:2] if of_one_channel else shape[:-1]))  # activations keep their size
    return random.standard_normal(shape, dtype="float32") * scale


def _key(application: str, arguments: dict[str, Any]) -> str:
    """A short name for the application with these arguments."""
    return hashlib.sha256(repr((application, sorted(arguments.items()))).encode()).hexdigest()[:12]
