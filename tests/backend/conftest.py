"""Models and pictures that the backend tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

Array = np.ndarray[Any, Any]


@pytest.fixture(autouse=True)
def _no_leftovers() -> Iterator[None]:
    yield
    keras.utils.clear_session(free_memory=False)


@pytest.fixture(scope="session")
def photograph() -> Array:
    """A real photograph, (1, 224, 224, 3), as VGG16 takes it: BGR less the mean of ImageNet."""
    from sklearn.datasets import load_sample_image

    image = load_sample_image("china.jpg").astype("float32")
    resized = keras.ops.convert_to_numpy(keras.ops.image.resize(image[None], (224, 224)))
    return np.asarray(keras.applications.vgg16.preprocess_input(resized.copy()))


def randomized(model: Any, seed: int = 7) -> Any:
    """The model with every weight random, moving statistics included, so that a lost one shows."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        values = random.normal(size=tuple(variable.shape), scale=0.1)
        if "variance" in variable.name:
            values = np.abs(values) + 0.5
        variable.assign(values.astype(str(variable.dtype)))
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with what it derives from its variables
    return model


def branching() -> Any:
    """A small residual net: a stem, two blocks with a shortcut each, a top. Every layer is named."""
    inputs = keras.Input((16, 16, 3), name="image")
    x = keras.layers.Conv2D(8, 3, padding="same", name="stem")(inputs)
    for block in (1, 2):
        y = keras.layers.Conv2D(8, 3, padding="same", name=f"block{block}_conv1")(x)
        y = keras.layers.BatchNormalization(name=f"block{block}_bn")(y)
        y = keras.layers.ReLU(name=f"block{block}_relu")(y)
        y = keras.layers.Conv2D(8, 3, padding="same", name=f"block{block}_conv2")(y)
        x = keras.layers.Add(name=f"block{block}_add")([x, y])
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dropout(0.2, name="drop")(x)
    outputs = keras.layers.Dense(5, activation="softmax", name="predictions")(x)
    return randomized(keras.Model(inputs, outputs, name="branching"))


@pytest.fixture
def branching_model() -> Any:
    """A fresh `branching` model."""
    return branching()


@pytest.fixture(scope="session")
def images() -> Array:
    """Four random images, (4, 16, 16, 3)."""
    return np.random.default_rng(0).normal(size=(4, 16, 16, 3)).astype("float32")


def outputs_of(model: Any, inputs: Any) -> list[Array]:
    """What a model puts out on inputs, flat, run without tracing."""
    result = model(inputs, training=False)
    return [keras.ops.convert_to_numpy(each) for each in keras.tree.flatten(result)]


def assert_same_bits(left: Any, right: Any) -> None:
    """Two nests of arrays that agree in every bit."""
    lefts, rights = keras.tree.flatten(left), keras.tree.flatten(right)
    assert len(lefts) == len(rights)
    for one, other in zip(lefts, rights, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that sessions begin with; they work in a copy."""
    from tests.backend.sessions import write_project

    return write_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The folder of a spec, where the caller is, and one beside it, where the caller's home is."""
    from tests.backend.hostile_places import two_places

    monkeypatch.setenv("HOME", str(tmp_path / "outside"))
    found = two_places(tmp_path)
    monkeypatch.chdir(found[0])
    return found


class Scaled(keras.layers.Layer):  # type: ignore[misc]
    """A layer of somebody's class, which Keras does not know."""

    def __init__(self, factor: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale * self.factor
