"""Where Keras 3 keeps each variable in a weights file.

`saving_lib` walks a model's attributes and names the groups by class, not by layer. The walk is private in Keras; the
test `tests/backend/test_store.py` compares these paths with files that Keras wrote.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import keras
from keras.src.saving.keras_saveable import KerasSaveable  # private: the base of what Keras saves
from keras.src.saving.saving_lib import _walk_saveable  # private: the order in which Keras saves it

from spec_compiler.language.layer_names import numbered, snake_case


def layer_groups(model: Any) -> dict[int, str]:
    """For each layer of `model.layers`, by its id, its group in the model's weights file: `layers/conv2d_3`."""
    return {id(layer): f"layers/{name}" for name, layer in _named(model.layers)}


def store_paths(layer: Any) -> dict[int, str]:
    """For each variable of a layer, by its id, its place below the layer's group: `vars/0`.

    LoRA's matrices have none: Keras saves the kernel with them merged into it, and the kernel has that place.
    """
    paths: dict[int, str] = {}
    weights = {id(variable) for variable in layer.weights}
    with _without_lora(layer):
        for prefix, saveable in saveables(layer):
            store: dict[str, Any] = {}
            if hasattr(saveable, "save_own_variables"):
                with keras.StatelessScope(initialize_variables=False):  # some classes assign: a base stays as it is
                    saveable.save_own_variables(store)  # hands out its variables under the names that it saves them by
            for key, variable in store.items():
                if isinstance(variable, keras.Variable):
                    paths.setdefault(id(variable), f"{prefix}vars/{key}")
            if weights <= paths.keys():
                break  # the walk asks a layer for every attribute that it has, and a model has many layers
    return paths


@contextlib.contextmanager
def _without_lora(layer: Any) -> Iterator[None]:
    """The layers inside hand out their kernels themselves: with LoRA each asking works out W + alpha/rank·A·B.

    Where nothing is allocated that makes all three first, of VGG16's dense layers 13 seconds long.
    """
    found = [each for each in parts(layer) if vars(each).get("lora_enabled")]
    for each in found:
        each.lora_enabled = False
    try:
        yield
    finally:
        for each in found:
            each.lora_enabled = True


def saveables(layer: Any) -> Iterator[tuple[str, Any]]:
    """The layer and all that Keras saves inside of it, each once, in Keras's order, with its group below the layer's.

    The groups end in a slash: `` for the layer itself, `cell/` for what it holds under this name.
    """
    return _saveables(layer, "", {})


def layers_by_name(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every layer and operation of a model, those of nested models as `outer/inner`."""
    for operation in (*model.layers, *getattr(model, "operations", ())):
        yield f"{prefix}{operation.name}", operation
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from layers_by_name(layer, f"{prefix}{layer.name}/")


def parts(layer: Any) -> list[Any]:
    """The layer and the layers inside of it; much quicker than `saveables`, which also says where they are saved."""
    return list(layer._flatten_layers()) if hasattr(layer, "_flatten_layers") else [layer]


def _saveables(here: Any, prefix: str, visited: dict[int, Any]) -> Iterator[tuple[str, Any]]:
    if id(here) in visited:
        return
    visited[id(here)] = here  # held, as a property may make its list anew each time: no other may get the id
    if isinstance(here, KerasSaveable):
        yield prefix, here
        children = _walk_saveable(here)
    else:
        children = _named(here.values() if isinstance(here, dict) else here)
    for name, child in children:
        if isinstance(child, KerasSaveable | list | dict | tuple):
            yield from _saveables(child, f"{prefix}{name}/", visited)


def _named(children: Iterable[Any]) -> Iterable[tuple[str, Any]]:
    """Children of a container under the names that Keras gives them: the class, with a number from the second on."""
    used: dict[str, int] = {}
    for child in children:
        if isinstance(child, KerasSaveable):
            name = snake_case(type(child).__name__)
        elif isinstance(child, list | dict | tuple):
            name = "container"
        else:
            continue
        used[name] = used.get(name, -1) + 1
        yield numbered(name, used[name]), child
