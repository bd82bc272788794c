"""What we take from Keras's private mechanism of variables without values, and the public path behind it.

Where one of these fails on a new Keras, `spec_compiler/backend/models/symbolic.py` is to be changed; the message says
what of it no longer holds. Our own module is imported inside the tests: it could not be on a Keras without these names.
"""

from __future__ import annotations

import importlib
import random
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import CompiledSpec, compile_spec
from tests.backend.conftest import assert_same_bits, randomized

KERAS = f"Keras {keras.__version__} on {keras.backend.backend()}"
MISSING = object()


@pytest.fixture
def waiting() -> Iterator[list[Any]]:
    """Keras's list of variables without a value, empty; as it was afterwards."""
    from keras.src.backend.common import global_state

    before = global_state.get_global_attribute("uninitialized_variables")
    found: list[Any] = []
    global_state.set_global_attribute("uninitialized_variables", found)
    yield found
    global_state.set_global_attribute("uninitialized_variables", before)


def without_value() -> Any:
    with keras.StatelessScope(initialize_variables=False):
        return keras.Variable(keras.initializers.Constant(2.0), shape=(3, 2), dtype="float32", name="kernel")


@pytest.mark.parametrize("name", ["get_global_attribute", "set_global_attribute"])
def test_keras_has_its_global_state(name: str) -> None:
    module = "keras.src.backend.common.global_state"
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        pytest.fail(f"{KERAS} has no module {module}: {error}")
    assert callable(found), f"{KERAS} has no {module}.{name}"


def test_a_scope_makes_variables_without_a_value(waiting: list[Any]) -> None:
    variable = without_value()
    assert getattr(variable, "_value", MISSING) is None, f"{KERAS}: a variable of a stateless scope has a `_value`"
    assert tuple(variable.shape) == (3, 2), f"{KERAS}: a variable without a value does not know its shape"
    assert str(variable.dtype) == "float32", f"{KERAS}: a variable without a value does not know its dtype"


def test_keras_lists_them_as_uninitialized(waiting: list[Any]) -> None:
    variable = without_value()
    assert [id(each) for each in waiting] == [id(variable)], (
        f"{KERAS} no longer puts them on the list `uninitialized_variables` of its global state; "
        "wherever it does, what is never given a value must be taken off again"
    )


def test_deferred_initialization_gives_them_the_value(waiting: list[Any]) -> None:
    variable = without_value()
    for name in ("_initializer", "_deferred_initialize"):
        assert callable(getattr(variable, name, None)), f"{KERAS}: a variable has no `{name}`"
    variable._initializer = lambda shape, dtype=None: keras.ops.full(shape, 5.0, dtype=dtype)
    variable._deferred_initialize()
    assert getattr(variable, "_value", None) is not None, f"{KERAS}: `_deferred_initialize` leaves `_value` empty"
    values = keras.ops.convert_to_numpy(variable)
    assert (values == 5).all(), f"{KERAS}: `_deferred_initialize` does not call `_initializer`, it made {values}"


def test_a_variable_from_an_array_is_refused_in_the_words_that_we_look_for(waiting: list[Any]) -> None:
    with keras.StatelessScope(initialize_variables=False):
        try:
            keras.Variable(np.ones(3, "float32"))
        except ValueError as error:
            text = str(error)
        else:
            pytest.fail(f"{KERAS} allows it: `writer.build` needs its slower path no longer")
    assert "in a stateless scope" in text, f"{KERAS} refuses it in other words, `writer` looks for the old: {text}"


def test_automatic_names_come_from_the_global_state() -> None:
    from keras.src.backend.common import global_state

    keras.layers.Dense(1)
    names = global_state.get_global_attribute("object_name_uids")
    assert names, f"{KERAS} no longer counts automatic names in `object_name_uids` of its global state"
    assert names["dense"] >= 1, f"{KERAS} counts automatic names by something else than the class: {dict(names)}"


def test_default_seeds_come_from_pythons_generator() -> None:
    def drawn() -> list[Any]:
        random.seed("7/conv")
        generator = keras.random.SeedGenerator()
        return [keras.initializers.GlorotUniform().seed, keras.ops.convert_to_numpy(generator.state).tolist()]

    state = random.getstate()
    first, second = drawn(), drawn()
    random.setstate(state)
    assert first == second, f"{KERAS} draws default seeds from elsewhere than `random`: {first}, {second}"


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python remembers it itself")
def test_python_has_what_collects_a_protocols_members() -> None:
    collect = getattr(typing, "_get_protocol_attrs", None)
    assert callable(collect), f"Python {sys.version} has no `typing._get_protocol_attrs`"
    assert set(collect(typing.SupportsInt)) == {"__int__"}, f"Python {sys.version} collects something else"


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow is asked itself")
def test_an_array_becomes_a_tensor_without_a_copy() -> None:
    from spec_compiler.backend.models.symbolic import _tensor
    from spec_compiler.graph.aligned import empty

    array = empty((64, 64), "float32")
    array[:] = 3
    tensor = _tensor(array, "float32")
    import tensorflow

    if tensorflow.config.list_logical_devices("GPU"):
        pytest.skip("a GPU has its own memory")
    same = np.shares_memory(np.asarray(tensor), array)
    assert same, f"{KERAS}, TensorFlow {tensorflow.__version__}: DLPack copies, 411 MB more for VGG16's `fc1`"


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "uint32"])
def test_a_tensor_made_by_a_copy_has_the_same_bits(dtype: str) -> None:
    if (keras.backend.backend(), dtype) == ("jax", "int64"):
        pytest.skip("JAX has no integers of 64 bits unless it is told to")
    if (keras.backend.backend(), dtype) == ("torch", "uint32"):
        pytest.skip("Keras has no such integers on torch")
    from spec_compiler.backend.models.symbolic import _tensor
    from spec_compiler.graph.aligned import empty

    values = np.random.default_rng(0).integers(0, 1000, (5, 7)).astype(dtype)
    aligned = empty(values.shape, dtype)
    aligned[:] = values
    unaligned = np.empty(values.nbytes + 1, "uint8")[1:].view(dtype).reshape(values.shape)
    unaligned[:] = values
    for array in (aligned, unaligned, np.asfortranarray(values)):
        assert_same_bits(keras.ops.convert_to_numpy(_tensor(array, dtype)), values)


@pytest.mark.parametrize("allocate", [False, True])
@pytest.mark.parametrize("raises", [False, True])
def test_keras_is_afterwards_as_it_was(waiting: list[Any], allocate: bool, raises: bool) -> None:
    from keras.src.backend.common import global_state

    from spec_compiler.backend.models.symbolic import symbolic

    own = without_value()
    keras.layers.Dense(1)
    names = global_state.get_global_attribute("object_name_uids")
    counted, drawn = dict(names), random.getstate()
    try:
        with symbolic(allocate=allocate):
            layer = keras.layers.Dense(2)
            assert layer.name == "dense", f"{KERAS}: names inside depend on what was made before"
            layer(keras.Input((3,)))
            random.random()
            if raises:
                raise KeyError
    except KeyError:
        pass
    assert (layer.kernel._value is not None) == allocate
    assert global_state.get_global_attribute("object_name_uids") is names
    assert dict(names) == counted
    assert random.getstate() == drawn
    assert global_state.get_global_attribute("uninitialized_variables") is waiting
    assert [id(each) for each in waiting] == [id(own)]


def two_branches() -> Any:
    """A small CNN with a BatchNormalization and a Dropout beside an Embedding, joined."""
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dropout(0.5, name="drop")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    tokens = keras.Input((5,), dtype="int32", name="tokens")
    y = keras.layers.Embedding(11, 6, name="embed")(tokens)
    y = keras.layers.GlobalAveragePooling1D(name="mean")(y)
    joined = keras.layers.Concatenate(name="joined")([x, y])
    return randomized(keras.Model([image, tokens], keras.layers.Dense(3, name="top")(joined), name="two_branches"))


EDITS: dict[str, Any] = {
    "spec": 1,
    "seed": 5,
    "cut_at": "joined",
    "replace": [{"layers": "conv", "with": [{"Conv2D": {"filters": 4, "kernel_size": 3, "name": "fresh"}}]}],
    "head": [{"Dense": 7}, "BatchNormalization", {"Dropout": 0.4}, {"Dense": {"units": 2, "name": "scores"}}],
    "freeze": "embed",
}


def compiled_from(kind: str, model: Any, folder: Path) -> CompiledSpec:
    if kind == "memory":
        return compile_spec(EDITS, base=model)
    model.save(folder / "model.keras")
    base: dict[str, Any] = {"file": str(folder / "model.keras")}
    return compile_spec({**EDITS, "base": base if kind == "file" else {**base, "weights": None}})


@pytest.mark.parametrize("kind", ["memory", "file", "initialised"])
def test_the_slower_path_gives_the_same_bits(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from spec_compiler.backend.models.symbolic import is_symbolic, symbolic

    model = two_branches()
    fast = compiled_from(kind, model, tmp_path)
    left: list[str] = []  # variables that the build made without a value

    def initialize(variable: Any) -> None:
        if is_symbolic(variable):
            left.append(variable.path)

    monkeypatch.setattr("spec_compiler.backend.models.symbolic.symbolic", lambda: symbolic(allocate=True))
    monkeypatch.setattr("spec_compiler.backend.weights.transfer.initialize", initialize)
    slow = compiled_from(kind, model, tmp_path)
    assert not left
    assert_same(fast, slow)


@keras.saving.register_keras_serializable("tests")
class Begun(keras.layers.Layer):  # type: ignore[misc]
    """Adds a variable that begins as an array, or as an initializer's value, which Keras can put off."""

    def __init__(self, array: bool, **options: Any) -> None:
        super().__init__(**options)
        self.array = array

    def build(self, shape: Any) -> None:
        size = shape[-1]
        if self.array:
            self.shift = keras.Variable(np.full(size, 0.5, "float32"), name="shift")
        else:
            self.shift = self.add_weight(shape=(size,), initializer=keras.initializers.Constant(0.5), name="shift")

    def call(self, inputs: Any) -> Any:
        return inputs + self.shift

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "array": self.array}


def test_a_layer_that_begins_with_arrays_takes_the_slower_path_and_ends_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from spec_compiler.backend.models import symbolic as module

    original = module.symbolic
    base, paths = two_branches(), []

    def symbolic(allocate: bool = False) -> Any:
        paths.append("slow" if allocate else "fast")
        return original(allocate)

    monkeypatch.setattr(module, "symbolic", symbolic)

    def compiled(array: bool) -> CompiledSpec:
        head = [{"tests>Begun": {"array": array, "name": "begun"}}, *EDITS["head"]]
        return compile_spec({**EDITS, "head": head}, base=base)

    assert_same(compiled(False), compiled(True))
    assert paths == ["fast", "fast", "slow"]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_saved_base_may_hold_such_a_layer(suffix: str, tmp_path: Path) -> None:
    inputs = keras.Input((3,), name="in")
    outputs = keras.layers.Dense(2, name="top")(Begun(array=True, name="begun")(inputs))
    model = keras.Model(inputs, outputs)
    model.get_layer("begun").shift.assign([1.0, 2.0, 3.0])
    model.save(tmp_path / f"model{suffix}")
    compiled = compile_spec(
        {"spec": 1, "base": {"file": str(tmp_path / f"model{suffix}")}, "head": [{"Dense": 4}], "freeze": "top"}
    )
    for name in ("begun", "top"):
        kept, there = compiled.model.get_layer(name), model.get_layer(name)
        for one, other in zip(kept.variables, there.variables, strict=True):
            assert_same_bits(keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other))


def assert_same(fast: CompiledSpec, slow: CompiledSpec) -> None:
    """The same variables, ledger and outputs; in training too, where seeds and moving statistics count."""
    assert [each.path for each in fast.model.variables] == [each.path for each in slow.model.variables]
    for one, other in zip(fast.model.variables, slow.model.variables, strict=True):
        assert_same_bits(keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other))
    assert list(fast.weights) == list(slow.weights)
    draw = np.random.default_rng(1)
    inputs = [draw.normal(size=(4, 8, 8, 3)).astype("float32"), draw.integers(0, 11, (4, 5)).astype("int32")]
    for training in (False, True, False):
        results = []
        for each in (fast, slow):
            keras.utils.set_random_seed(2)  # on torch, Keras's Dropout draws from torch's own generator
            results.append(keras.ops.convert_to_numpy(each.model(inputs, training=training)))
        assert_same_bits(*results)
