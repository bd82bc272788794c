"""A model of 6 GB is built in a process that may have 1.5, about as quickly as its file is copied."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from spec_compiler import compile_spec, plan_spec
from spec_compiler.backend.models.symbolic import symbolic

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="how much a process may have is said to Linux"),
]
WIDTH, DEPTH = 16_384, 6  # 1.07 GB each
LIMIT = 1_500_000_000
_NEEDED = 40_000_000_000  # bytes on the disk: the model, its copy, what is built of it, and the weights alone


def large_model(folder: Path) -> Path:
    """A file such as Keras writes, made without ever holding more than a few rows."""
    with symbolic():
        x = inputs = keras.Input((WIDTH,), name="numbers")
        for number in range(DEPTH):
            x = keras.layers.Dense(WIDTH, name=f"dense{number}")(x)
        config = keras.saving.serialize_keras_object(keras.Model(inputs, x, name="large"))
    weights, path = folder / "model.weights.h5", folder / "large.keras"
    random = np.random.default_rng(5)
    with h5py.File(weights, "w") as file:
        for number in range(DEPTH):
            group = f"layers/dense_{number}/vars" if number else "layers/dense/vars"
            kernel = file.create_dataset(f"{group}/0", (WIDTH, WIDTH), "float32")
            for row in range(0, WIDTH, 512):
                kernel[row : row + 512] = random.random((512, WIDTH), "float32") - 0.5
            file[f"{group}/1"] = random.random(WIDTH, "float32")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": keras.__version__, "date_saved": ""}))
        archive.writestr("config.json", json.dumps(config))
        archive.write(weights, "model.weights.h5")
    weights.unlink()
    return path


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))


def test_a_model_of_6_gb_in_1_5(tmp_path: Path) -> None:
    if shutil.disk_usage(tmp_path).free < _NEEDED:
        pytest.skip("there are no 40 GB on the disk")
    large = large_model(tmp_path)
    spec: dict[str, Any] = {
        "spec": 1,
        "base": {"file": str(large)},
        "head": [{"Dense": {"units": 1000, "name": "answer"}}],
        "freeze": "base",
    }
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    plan_spec(spec)  # the shapes are known from now on
    copy, python = tmp_path / "copy", _seconds([sys.executable, "-c", "import spec_compiler.compiler, numpy, h5py"])
    copied = min(_seconds(["cp", str(large), str(copy)]) for _ in range(2))
    copy.unlink()
    words = [sys.executable, "-m", "spec_compiler", "build", "spec.json", "-o", "built.keras", "--force"]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # of its buffers each takes address space
    took = []
    for _ in range(2):  # the first time all of the base is hashed as well
        start = time.perf_counter()
        subprocess.run(words, cwd=tmp_path, env=environment, check=True, preexec_fn=limited, capture_output=True)
        took.append(time.perf_counter() - start)
    print(f"built in {took[0]:.1f} and {took[1]:.1f} s, copied in {copied:.1f} s")
    assert took[1] <= 2 * copied + python
    model = compile_spec(spec).model
    with zipfile.ZipFile(tmp_path / "built.keras") as archive:
        archive.extract("model.weights.h5", tmp_path)
    (tmp_path / "built.keras").unlink()
    with h5py.File(tmp_path / "model.weights.h5") as file:
        for number, layer in enumerate(model.layers[1:]):
            group = f"layers/dense_{number}/vars" if number else "layers/dense/vars"
            for index, variable in enumerate(layer.variables):
                assert np.array_equal(file[f"{group}/{index}"][()], keras.ops.convert_to_numpy(variable))


def _seconds(words: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(words, check=True)
    return time.perf_counter() - start
