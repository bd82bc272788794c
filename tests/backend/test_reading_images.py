"""`predict` and `features` read images as the model's run did, or as `keras.utils.load_img` does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler.diagnostics import SpecError
from spec_compiler.trainer import train_spec
from spec_compiler.training.watcher import Watcher
from tests.backend.calls import call
from tests.backend.conftest import branching
from tests.backend.pictures import write_pictures


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_pictures(tmp_path / "images", classes=3, each=3, size=40)
    branching().save(tmp_path / "model.keras")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path


def features(*arguments: str) -> Any:
    assert call("features", *arguments, "-o", "features.npz", "--force").exit_code == 0
    with np.load("features.npz") as file:
        return file["features"], list(file["files"])


def by_hand(model: Any, files: list[str], size: tuple[int, int] = (16, 16), **options: Any) -> Any:
    """What plain Keras puts out for the files, as its tutorials read them."""
    images = [keras.utils.img_to_array(keras.utils.load_img(file, target_size=size, **options)) for file in files]
    return model.predict(np.stack(images), verbose=0)


def test_the_tutorials_recipe_is_the_default_finding_W12(here: Path) -> None:
    del here
    found, files = features("model.keras", "images")
    np.testing.assert_allclose(found, by_hand(branching(), files), rtol=1e-4, atol=1e-6)
    soft, _ = features("model.keras", "images", "--interpolation", "bicubic")
    np.testing.assert_allclose(soft, by_hand(branching(), files, interpolation="bicubic"), rtol=1e-4, atol=1e-6)
    assert not np.allclose(found, soft, rtol=1e-3)


def test_a_trained_model_is_given_images_as_in_its_run_finding_W12(here: Path) -> None:
    inputs = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    spec = {
        "spec": 1,
        "head": [{"Dense": {"units": 3, "activation": "softmax"}}],
        "data": {
            "train": str(here / "images"),
            "image_size": [12, 20],
            "interpolation": "lanczos",
            "crop_to_aspect_ratio": True,
        },
        "compile": {"optimizer": "adam", "loss": "categorical_crossentropy", "jit_compile": False},
        "train": [{"phase": "one", "epochs": 1}],
    }
    watcher = Watcher(verbose=0)
    train_spec(spec, str(here / "run"), base=keras.Model(inputs, pooled), watcher=watcher, tensorboard=False)
    for name in ("best", "last"):
        found, files = features(f"run/{name}.keras", "images")
        model = keras.saving.load_model(f"run/{name}.keras")
        expected = by_hand(model, files, (12, 20), interpolation="lanczos", keep_aspect_ratio=True)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_names_of_imagenet_finding_W12(here: Path) -> None:
    result = call("predict", "model.keras", "images")
    assert "`--labels imagenet`" in result.stderr
    inputs = keras.Input((16, 16, 3))
    outputs = keras.layers.Dense(1000, activation="softmax")(keras.layers.GlobalAveragePooling2D()(inputs))
    keras.Model(inputs, outputs).save(here / "thousand.keras")
    with pytest.raises(SpecError, match="the names of ImageNet's classes are not at") as caught:
        call("predict", "thousand.keras", "images", "--labels", "imagenet")
    assert str(here / "home" / "models" / "imagenet_class_index.json") in caught.value.diagnostics[0].message
    (here / "home" / "models").mkdir(parents=True)
    index = {str(number): [f"n{number:08}", f"thing_{number}"] for number in range(1000)}
    (here / "home" / "models" / "imagenet_class_index.json").write_text(json.dumps(index))
    result = call("predict", "thousand.keras", "images", "--labels", "imagenet", "--format", "json", "--top", "1")
    best = json.loads(result.stdout)["images"][0]["classes"][0]
    assert best["name"] == f"thing_{best['index']}"
    with pytest.raises(SpecError, match="there are 1000 labels, the model has 5 classes"):
        call("predict", "model.keras", "images", "--labels", "imagenet")
