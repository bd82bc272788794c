"""A new layer that takes one tensor is never handed a list."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import check_spec, compile_spec
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.merges import TAKE_LISTS, takes_one
from tests.backend.conftest import assert_same_bits, branching, outputs_of, randomized

ONE_EACH = ["ReLU", "Identity", {"Dropout": 0.5}, {"Activation": "relu"}, "Softmax", "Flatten", {"Rescaling": 2.0}]


@pytest.mark.parametrize("entry", ONE_EACH, ids=str)
@pytest.mark.parametrize("layers", ["block1_add", {"each": "block1_add"}], ids=["layers", "each"])
def test_finding_F3_one_tensor_in_place_of_a_merge(layers: Any, entry: Any) -> None:
    found = check_spec({"spec": 1, "replace": [{"layers": layers, "with": [entry]}]}, base=branching())
    (cls,) = entry if isinstance(entry, dict) else [entry]
    (error,) = found
    assert error.code == "SC401"
    assert error.message == f"a `{cls}` takes one tensor, here are 2: `stem` and `block1_conv2`"
    assert error.path[:4] == ("replace", 0, "with", 0)
    assert error.help == "put a layer that joins them before it, for example `Add`"


def test_finding_F3_the_way_out_is_one(images: Any) -> None:
    model = branching()
    edits = [{"layers": "block1_add", "with": ["Add", "ReLU"]}]
    compiled = compile_spec({"spec": 1, "replace": edits, "outputs": "re_lu"}, base=model)
    ends = [model.get_layer(name).output for name in ("stem", "block1_conv2")]
    stem, other = outputs_of(keras.Model(model.input, ends), images)
    wanted = keras.ops.convert_to_numpy(keras.ops.relu(keras.ops.add(stem, other)))
    assert_same_bits(outputs_of(compiled.model, images), [wanted])


def test_finding_F3_a_list_of_one_is_one(images: Any) -> None:
    head = [{"ReLU": {}, "from": ["stem"]}]
    model = branching()
    wanted = keras.ops.relu(keras.Model(model.input, model.get_layer("stem").output)(images))
    found = outputs_of(compile_spec({"spec": 1, "head": head}, base=model).model, images)
    assert_same_bits(found, [keras.ops.convert_to_numpy(wanted)])


def test_finding_F3_keras_agrees_on_what_takes_a_list() -> None:
    """A class that puts out one tensor for a list, as it says it does, takes lists; no other does."""
    silent = set()
    for name in catalogue.layer_names():
        if not takes_one(name) or any("default" not in each for each in _arguments(name).values()):
            continue
        try:
            tensors = [keras.Input((3, 4)), keras.Input((3, 4))]
            model = keras.Model(tensors, getattr(keras.layers, name)()(tensors))
            said = [tuple(each.shape)[1:] for each in keras.tree.flatten(model.outputs)]
            put_out = model([np.ones((2, 3, 4), "float32")] * 2, training=False)
            silent |= {name} if said == [tuple(put_out.shape)[1:]] else set()
        except Exception:  # Keras refuses, in any of many ways
            continue
    assert not silent


@pytest.mark.parametrize("name", [each for each in TAKE_LISTS if each != "HashedCrossing"])
def test_finding_F3_what_takes_a_list_is_given_it(name: str) -> None:
    inputs = keras.Input((4, 4), name="in")
    ends = [keras.layers.Dense(4, name=each)(inputs) for each in ("a", "b")]
    model = randomized(keras.Model(inputs, keras.layers.Add(name="add")(ends)))
    given: dict[str, dict[str, Any]] = {"Dot": {"axes": 1}, "AdditiveAttention": {"use_scale": False}}
    arguments = given.get(name, {})
    compiled = compile_spec({"spec": 1, "replace": [{"layers": "add", "with": [{name: arguments}]}]}, base=model)
    rows = np.random.default_rng(2).normal(size=(2, 4, 4)).astype("float32")
    taken = [model.get_layer(each)(rows) for each in ("a", "b")]
    wanted = keras.ops.convert_to_numpy(getattr(keras.layers, name)(**arguments)(taken))
    assert_same_bits(outputs_of(compiled.model, rows), [wanted])


def _arguments(name: str) -> dict[str, Any]:
    return dict((catalogue.class_record(name, "layer") or {}).get("arguments", {}))
