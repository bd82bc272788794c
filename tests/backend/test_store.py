"""Where we say that Keras keeps each variable, against the files that Keras writes.

Where one of these fails on a new Keras, `spec_compiler/backend/models/store.py` is to be changed; the message says what
of Keras's private walk no longer holds.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from tests.backend.conftest import assert_same_bits, branching, randomized
from tests.backend.test_weight_files import composite

KERAS = f"Keras {keras.__version__}"


@keras.saving.register_keras_serializable("tests")
class Holding(keras.layers.Layer):  # type: ignore[misc]
    """Layers in a list, in a dict and in a list of lists; an own variable; one layer under two names."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.steps = [keras.layers.Dense(4, name="first"), keras.layers.Dense(4, name="second")]
        self.named = {"gate": keras.layers.Dense(4, name="gate"), "norm": keras.layers.LayerNormalization(name="n")}
        self.nested = [[keras.layers.Dense(4, name="deep")], [keras.layers.Dense(4, name="deeper")]]
        self.again = self.steps[1]

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(shape[-1],), name="scale")
        for layer in (*self.steps, *self.named.values(), *(each for row in self.nested for each in row)):
            layer.build(shape)

    def call(self, inputs: Any) -> Any:
        x = inputs * self.scale
        for layer in (*self.steps, *self.named.values(), *(each for row in self.nested for each in row)):
            x = layer(x)
        return x


def holding() -> Any:
    inputs = keras.Input((4,), name="inputs")
    x = keras.layers.Dense(4, name="before")(inputs)
    return randomized(keras.Model(inputs, Holding(name="holding")(x), name="holding"))


def recurrent() -> Any:
    inputs = keras.Input((5, 3), name="inputs")
    cells = [keras.layers.LSTMCell(4), keras.layers.GRUCell(4)]
    x = keras.layers.RNN(cells, return_sequences=True, name="stacked")(inputs)
    x = keras.layers.ConvLSTM1D(2, 2, name="convolved")(keras.layers.Reshape((5, 4, 1), name="reshape")(x))
    return randomized(keras.Model(inputs, x, name="recurrent"))


MODELS: dict[str, Callable[[], Any]] = {
    "branching": branching,
    "composite": composite,
    "holding": holding,
    "recurrent": recurrent,
}


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("keras.src.saving.keras_saveable", "KerasSaveable"),
        ("keras.src.saving.saving_lib", "_walk_saveable"),
    ],
)
def test_keras_has_what_its_walk_is_made_of(module: str, name: str) -> None:
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        pytest.fail(f"{KERAS} has no module {module}: {error}")
    assert callable(found), f"{KERAS} has no {module}.{name}"


def test_the_walk_hands_out_attributes_by_name() -> None:
    from keras.src.saving.keras_saveable import KerasSaveable
    from keras.src.saving.saving_lib import _walk_saveable

    layer = holding().get_layer("holding")
    assert isinstance(layer, KerasSaveable), f"{KERAS}: a layer is no `KerasSaveable`"
    found = dict(_walk_saveable(layer))
    assert found.get("steps") is layer.steps, f"{KERAS}: `_walk_saveable` hands out {sorted(found)}"
    assert found.get("again") is layer.again, f"{KERAS}: `_walk_saveable` hands out {sorted(found)}"


def test_layers_hand_out_their_variables_by_number() -> None:
    layer = branching().get_layer("block1_bn")
    store: dict[str, Any] = {}
    layer.save_own_variables(store)
    assert {key: id(each) for key, each in store.items()} == {
        str(index): id(variable) for index, variable in enumerate(layer.weights)
    }, f"{KERAS}: `save_own_variables` gives {sorted(store)}"


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
@pytest.mark.parametrize("name", MODELS)
def test_each_variable_is_where_keras_writes_it(name: str, suffix: str, tmp_path: Path) -> None:
    from spec_compiler.backend.models.store import layer_groups, store_paths
    from spec_compiler.weights.files import open_store

    model = MODELS[name]()
    path = tmp_path / f"model{suffix}"
    model.save(path) if suffix == ".keras" else model.save_weights(path)
    groups = layer_groups(model)
    found: dict[str, Any] = {}
    for layer in model.layers:
        paths = store_paths(layer)
        for variable in layer.weights:
            assert id(variable) in paths, f"{KERAS}: no place is known for {variable.path}"
            found[f"{groups[id(layer)]}/{paths[id(variable)]}"] = variable
    with open_store(str(path), limit=0) as store:
        written = {key: store.read(key) for key in store.contents.arrays}
    states = {key for key in written if key.rpartition("/vars/")[0].endswith("seed_generator")}
    if len(written) - len(states) < len(model.weights):  # 3.12 forgets the layers in lists of lists
        pytest.skip(f"{KERAS} itself does not write every weight of this model")
    assert set(found) == set(written) - states, f"{KERAS} writes to other places than we say"
    for key, variable in found.items():
        assert_same_bits(keras.ops.convert_to_numpy(variable), written[key])
