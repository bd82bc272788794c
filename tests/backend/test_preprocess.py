"""`input: {preprocess: auto}` is `preprocess_input` bit for bit, for every application, and reloads as plain Keras."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError
from spec_compiler.backend.models.reader import read_graph
from spec_compiler.backend.models.writer import build
from spec_compiler.backend.weights.memory_weights import MemoryWeights
from spec_compiler.backend.weights.transfer import transfer
from spec_compiler.edits.preprocess import apply
from spec_compiler.keras_facts.catalogue import application_names
from spec_compiler.keras_facts.preprocessing import mode_of
from tests.backend.conftest import Array, assert_same_bits

PATH = ("input", "preprocess")
ONE_EACH = ("ResNet50", "Xception", "DenseNet121", "EfficientNetB0")  # caffe, tf, torch, none


def pixels() -> Array:
    """All bytes in every channel, and numbers between them, (2, 16, 16, 3)."""
    values = np.arange(256, dtype="float32").reshape(1, 16, 16, 1)
    whole = np.concatenate([values, values[:, ::-1], values[:, :, ::-1]], axis=-1)
    between = np.random.default_rng(0).uniform(0, 255, (1, 16, 16, 3)).astype("float32")
    return np.concatenate([whole, between])


def preprocessing_model(application: str, dtype: str = "float32") -> Any:
    """A model that puts out its preprocessed input and nothing else."""
    inputs = keras.Input((None, None, 3), dtype=dtype, name="image")
    base = keras.Model(inputs, keras.layers.Identity(name="same")(inputs), name="plain")
    before = read_graph(base)
    built = build(apply(before, PATH, application), before)
    transfer(before, built, MemoryWeights(base))
    return built.model


def preprocess_input(application: str) -> Any:
    """The function of the module that the application's constructor comes from."""
    return sys.modules[getattr(keras.applications, application).__module__].preprocess_input


@pytest.mark.parametrize("application", application_names())
def test_it_is_preprocess_input_bit_for_bit(application: str) -> None:
    model, images = preprocessing_model(application), pixels()
    expected = preprocess_input(application)(images.copy())
    assert_same_bits(keras.ops.convert_to_numpy(model(images)), expected)
    on_tensors = preprocess_input(application)(keras.ops.convert_to_tensor(images))
    assert_same_bits(keras.ops.convert_to_numpy(model(images)), keras.ops.convert_to_numpy(on_tensors))


@pytest.mark.parametrize("application", ONE_EACH)
def test_a_saved_model_reloads_without_custom_code(application: str, tmp_path: Path) -> None:
    model, images = preprocessing_model(application), pixels()
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert_same_bits(keras.ops.convert_to_numpy(again(images)), keras.ops.convert_to_numpy(model(images)))
    assert all(type(layer).__module__.startswith("keras.") for layer in again.operations)


@pytest.mark.parametrize("application", ONE_EACH)
def test_predict_agrees(application: str) -> None:
    """`predict` runs through XLA, which may divide by multiplying: equal to the last bit of a float32 or nearly so."""
    model, images = preprocessing_model(application), pixels()
    expected = preprocess_input(application)(images.copy())
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, rtol=3e-7, atol=3e-5)


def test_bytes_are_taken_as_they_are() -> None:
    images = pixels()[:1].astype("uint8")
    expected = preprocess_input("VGG16")(images.copy())
    assert_same_bits(keras.ops.convert_to_numpy(preprocessing_model("VGG16", "uint8")(images)), expected)


def test_the_rest_of_the_graph_is_as_it_was(branching_model: Any) -> None:
    before = read_graph(branching_model)
    after = apply(before, PATH, "VGG16")
    assert [name for name in after.nodes if name not in before.nodes] == ["preprocess_bgr", "preprocess_center"]
    assert after.nodes["stem"].inputs[0].node == "preprocess_center"
    built = build(after, before)
    transfer(before, built, MemoryWeights(branching_model))
    images = np.random.default_rng(1).uniform(0, 255, (2, 16, 16, 3)).astype("float32")
    expected = branching_model(keras.applications.vgg16.preprocess_input(images.copy()), training=False)
    assert_same_bits(
        keras.ops.convert_to_numpy(built.model(images, training=False)), keras.ops.convert_to_numpy(expected)
    )


def test_gray_images_are_refused() -> None:
    inputs = keras.Input((8, 8, 1))
    graph = read_graph(keras.Model(inputs, keras.layers.Flatten()(inputs)))
    with pytest.raises(SpecError) as caught:
        apply(graph, PATH, "VGG16")
    assert caught.value.diagnostics[0].code == "SC604"


def test_every_application_has_a_mode() -> None:
    assert {mode_of(name) for name in application_names()} == {"caffe", "tf", "torch", "none"}
    with pytest.raises(SpecError):
        mode_of("NewNet")
