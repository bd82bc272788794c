"""Models with fewer or more channels, made from configs and arrays: the oracle of what the groups of channels say."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras.src.applications.convnext import LayerScale
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

from spec_compiler.backend.models.reader import read_graph
from spec_compiler.channels.groups import Channels

Array = np.ndarray[Any, Any]
OWN = {"LayerScale": LayerScale, "CustomScaleLayer": CustomScaleLayer}  # of applications, which Keras does not register


def leaves(model: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The layers of a model and of those nested in it, by their paths."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer, (*path, layer.name))
        else:
            yield (*path, layer.name), layer


def harsh(model: Any, seed: int = 0) -> Any:
    """The model with a random value, none near its default, in every variable."""
    random = np.random.default_rng(seed)
    for _, layer in leaves(model):
        for variable in layer.variables:
            name, shape = variable.path.rpartition("/")[2], tuple(variable.shape)
            if "float" not in str(variable.dtype) or isinstance(layer, keras.layers.Normalization):
                continue
            if name in ("gamma", "moving_variance", "scale") or name.startswith("variable"):
                variable.assign(random.uniform(0.5, 1.5, shape))
            elif name in ("beta", "moving_mean", "bias", "alpha"):
                variable.assign(random.normal(0, 0.3, shape))
            else:  # as large as it may be without that a deep model explodes
                fan_in = max(1, int(np.prod(shape[:-1])))
                variable.assign(random.normal(0, 1 / np.sqrt(fan_in), shape))
    return model


def rebuilt(model: Any, channels: Channels, counts: Any) -> Any:
    """The model with other channels: its config with the new arguments, and each variable as the groups say."""
    config = copy.deepcopy(model.get_config())
    _edit(config, channels, counts, ())
    new = type(model).from_config(config, custom_objects=OWN)
    _fill(new, model, channels, counts, masked=False)
    return new


def masked(model: Any, channels: Channels, counts: Any) -> Any:
    """The model as wide as it is, nothing of which hears the channels that leave."""
    new = type(model).from_config(copy.deepcopy(model.get_config()), custom_objects=OWN)
    _fill(new, model, channels, counts, masked=True)
    return new


def _edit(config: dict[str, Any], channels: Channels, counts: Any, path: tuple[str, ...]) -> None:
    for entry in config["layers"]:
        key = (*path, entry.get("name") or entry["config"]["name"])
        entry.pop("build_config", None)
        if "layers" in entry["config"]:
            _edit(entry["config"], channels, counts, key)
        else:
            new = channels.arguments(key, counts)
            entry["config"].update(new)
            if "batch_shape" in new and "build_input_shape" in config:
                config["build_input_shape"] = new["batch_shape"]


def _fill(new: Any, old: Any, channels: Channels, counts: Any, masked: bool) -> None:
    values = {path: layer.variables for path, layer in leaves(old)}
    for path, layer in leaves(new):
        for index, (to, of) in enumerate(zip(layer.variables, values[path], strict=True)):
            array = np.asarray(keras.ops.convert_to_numpy(of))
            if "float" in str(of.dtype):
                key = path, index
                array = _deaf(array, channels, key, counts) if masked else channels.array(array, key, counts)
            assert tuple(to.shape) == array.shape, (path, to.path, to.shape, array.shape)
            to.assign(array)
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def _deaf(array: Array, channels: Channels, key: tuple[tuple[str, ...], int], counts: Any) -> Array:
    """A variable that hears none of the channels that leave."""
    for use in channels.uses_of(key):
        heard = channels.counts_along(use, counts) > 0
        if use.role == "takes" and not heard.all():
            array = np.moveaxis(np.moveaxis(array, use.axis, -1) * heard.astype(array.dtype), -1, use.axis)
    return array


def inputs_of(model: Any, seed: int = 1, size: int = 32) -> list[Array]:
    """Random inputs; integers where the model takes rows of an embedding."""
    random = np.random.default_rng(seed)
    found = []
    for tensor in model.inputs:
        shape = [2, *(size if each is None else each for each in tensor.shape[1:])]
        is_integer = "int" in str(tensor.dtype)
        found.append(random.integers(0, 5, shape) if is_integer else random.normal(size=shape).astype(tensor.dtype))
    return found


def run(model: Any, inputs: list[Array]) -> list[Array]:
    """What a model puts out."""
    found = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    return [np.asarray(keras.ops.convert_to_numpy(each)) for each in keras.tree.flatten(found)]


def difference(one: list[Array], other: list[Array]) -> float:
    """The largest difference, as a part of the largest number of each output."""
    assert len(one) == len(other)
    return max(
        float(np.abs(a - b).max(initial=0) / (np.abs(b).max(initial=0) or 1)) if a.shape == b.shape else np.inf
        for a, b in zip(map(np.float64, one), map(np.float64, other), strict=True)
    )


def halved(channels: Channels, share: float = 0.5, seed: int = 3, inexact: bool = False) -> dict[int, int]:
    """Changes that let a share of each group's free channels leave, at random, never all of them."""
    random = np.random.default_rng(seed)
    changes: dict[int, int] = {}
    for group in channels.groups:
        free = np.concatenate([group.free, group.inexact]) if inexact else group.free
        number = min(len(free) - (len(free) == len(group.channels)), max(1, int(len(free) * share)))
        if number > 0:
            changes.update(dict.fromkeys(random.choice(free, number, replace=False).tolist(), 0))
    for use in channels.found.record.uses.values():  # Keras makes no layer of nothing: one channel comes back
        if not channels.counts_along(use, channels.counts(changes)).any():
            del changes[int(channels.root[use.line[0]])]
    assert not channels.emptied(channels.counts(changes))
    return changes


def doubled(channels: Channels, share: float = 0.3, seed: int = 4) -> dict[int, int]:
    """Changes that make two or three of some channels of each group; of all alike where they must be."""
    random = np.random.default_rng(seed)
    changes: dict[int, int] = {}
    for group in channels.groups:
        able = group.widenable
        if not len(able):
            continue
        if group.uneven:
            if len(able) == len(group.channels):
                changes.update(dict.fromkeys(able.tolist(), 2))
            continue
        number = max(1, int(len(able) * share))
        changes.update({int(root): int(random.integers(2, 4)) for root in random.choice(able, number, replace=False)})
    return changes


def read(model: Any) -> Channels:
    """The channels of a Keras model."""
    return Channels.of(read_graph(model))
