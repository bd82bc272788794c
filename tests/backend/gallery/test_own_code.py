"""Classes and functions of one's own in a spec of the gallery, beside plain Keras with the same ones."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from spec_compiler import check_spec
from spec_compiler.trainer import train_spec
from spec_compiler.training.watcher import Watcher
from tests.backend.gallery.bases import base_file, base_model
from tests.backend.gallery.compare import SPECS, assert_same, compiled, images

MOBILE = {"include_top": False, "input_shape": (96, 96, 3), "alpha": 0.35}


@pytest.fixture
def own_code() -> Iterator[Any]:
    """The module beside the spec, as the spec has it; forgotten after the test."""
    yield lambda: sys.modules["own_code"]
    sys.modules.pop("own_code", None)


def test_own_code_needs_permission() -> None:
    found = check_spec(SPECS / "own_code.yaml", overrides=["base.weights=null"])
    assert {each.code for each in found} == {"SC112"}


def test_a_layer_of_ones_own(weights: Path, own_code: Any) -> None:
    file = base_file("MobileNetV2", weights, **MOBILE)
    ours = compiled("own_code", "base.alpha=0.35", base=file, allow_code=True)
    pooling = own_code().GeneralizedMean
    base = base_model("MobileNetV2", **MOBILE)
    x = layers.Dense(2, activation="softmax", name="predictions")(pooling(power=3.0, name="pooled")(base.output))
    custom = {"GeneralizedMean": pooling}
    theirs = keras.Model(base.input, x)
    assert_same(ours, theirs, images(96, 96, 3), ["pooled", "predictions"], custom_objects=custom)


def test_a_loss_a_metric_and_a_callback_of_ones_own(weights: Path, tmp_path: Path, own_code: Any) -> None:
    for name in ("own_code.yaml", "own_code.py"):
        shutil.copy(SPECS / name, tmp_path)
    file = base_file("MobileNetV2", weights, **MOBILE)
    trained = train_spec(
        str(tmp_path / "own_code.yaml"),
        str(tmp_path / "run"),
        overrides=["base.alpha=0.35", f"base.weights={file}", "compile.jit_compile=false", "seed=3"],
        allow_code=True,
        tensorboard=False,
        watcher=Watcher(verbose=0),
    )
    assert own_code().Count.total == 2  # sixteen pictures, eight a batch
    measured = trained.history.rows[0].metrics
    assert np.isfinite(measured["loss"])
    assert 0.5 <= measured["confidence"] <= 1
