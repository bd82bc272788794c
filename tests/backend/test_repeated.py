"""Compiling again and again in one process leaves nothing behind: no variable, no layer, no memory."""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

from spec_compiler import SpecError, compile_spec
from tests.backend.conftest import randomized

WARM_UP, REPEATED = 5, 45
# Measured: from 10 MB less to 2.2 MB more, as the allocator pleases, and level after the tenth. One copy of the weights
# left behind by each compilation would be 62 MB; what is smaller than that shows in the number of objects.
MOST_GROWTH = 4.0
ALONE = "SPEC_COMPILER_TESTS_ALONE"  # set in a process whose memory no other test has broken into pieces

ARCHIVE = {"file": "model.keras"}
MOBILE_NET = {"application": "MobileNetV3Small", "input_shape": [32, 32, 3], "alpha": 0.35, "include_top": False}
HEAD: list[Any] = ["GlobalAveragePooling2D", {"Dropout": 0.5}, {"Dense": {"units": 4, "name": "scores"}}]
MISFIT = {"Conv2D": {"filters": 4, "kernel_size": 3}}  # behind the Dense
EDITS = {"cut_at": "drop", "head": HEAD, "freeze": "..norm"}
SPECS: dict[str, dict[str, Any]] = {
    "memory": EDITS,
    "archive": {"base": ARCHIVE, **EDITS},
    "weights file": {"base": {**ARCHIVE, "weights": "model.weights.h5"}, **EDITS},
    "another spec": {"base": {"spec": "other.yaml"}, "head": HEAD},
    "application": {"base": {**MOBILE_NET, "minimalistic": True, "weights": None}, "head": HEAD},
    "slower path": {"cut_at": "drop", "head": ["tests>Scaled", *HEAD]},
    "misfit in memory": {"cut_at": "drop", "head": [*HEAD, MISFIT]},
    "misfit in an archive": {"base": ARCHIVE, "cut_at": "drop", "head": [*HEAD, MISFIT]},
    "misfit on the slower path": {"cut_at": "drop", "head": ["tests>Scaled", *HEAD, MISFIT]},
}


def small() -> Any:
    """A net with 1.4 MB of weights."""
    image = keras.Input((16, 16, 3), name="image")
    x = keras.layers.Conv2D(64, 3, name="stem")(image)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Conv2D(256, 3, name="wide")(x)
    x = keras.layers.Conv2D(86, 3, name="narrow")(x)
    x = keras.layers.Dropout(0.5, name="drop")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return randomized(keras.Model(image, keras.layers.Dense(5, name="top")(x), name="small"))


@keras.saving.register_keras_serializable("tests")
class Scaled(keras.layers.Layer):  # type: ignore[misc]
    """Its variable begins as an array, so that the whole model is built with weights after a first attempt."""

    def build(self, shape: Any) -> None:
        self.scale = keras.Variable(keras.ops.ones(shape[-1:]), name="scale")

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale


@pytest.fixture
def collected() -> Iterator[None]:
    """What is alive before counts as permanent, so that looking through what came later is quick."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow if kind == "application" else ()) for kind in SPECS]
)
def test_nothing_is_left_behind(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collected: None) -> None:
    from keras.src.backend.common import global_state

    monkeypatch.chdir(tmp_path)
    model = small()
    model.save("model.keras")
    model.save_weights("model.weights.h5")
    Path("other.yaml").write_text("spec: 1\nbase: {file: model.keras}\ncut_at: narrow\n", encoding="utf-8")
    spec = {"spec": 1, **SPECS[kind]}
    base = None if "base" in spec else model

    def once() -> None:
        if not kind.startswith("misfit"):
            assert compile_spec(spec, base=base).model.built
            return
        with pytest.raises(SpecError) as caught:
            compile_spec(spec, base=base)
        assert caught.value.diagnostics[0].code == "SC401"

    with keras.StatelessScope(initialize_variables=False):
        own = keras.Variable(keras.initializers.Zeros(), shape=(2,), dtype="float32")
    waiting = global_state.get_global_attribute("uninitialized_variables")
    assert [id(each) for each in waiting] == [id(own)]
    for _ in range(WARM_UP):
        once()
    counts, sizes = [_alive()], [_resident()]
    for _ in range(REPEATED):
        once()
        counts.append(_alive())
        sizes.append(_resident())
    now = global_state.get_global_attribute("uninitialized_variables")
    assert [id(each) for each in now] == [id(own)], f"{len(now) - 1} variables are left on Keras's list"
    assert all(count == counts[0] for count in counts), f"from {counts[0]} to {counts[-1]}"
    growth = sizes[-1] - sizes[0]
    if ALONE in os.environ:
        assert growth < MOST_GROWTH, f"{growth:.1f} MB more after {REPEATED} compilations"


@pytest.mark.slow
@pytest.mark.skipif(ALONE in os.environ, reason="this is that process")
def test_memory_does_not_grow_in_a_process_of_its_own() -> None:
    """The same again where memory is measured: behind a thousand other tests it moves by more than a leak would."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-k", "nothing_is_left_behind", __file__]
    done = subprocess.run(command, env={**os.environ, ALONE: "1"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def _alive() -> Counter[str]:
    """How many variables and how many layers there are."""
    gc.collect()
    found: Counter[str] = Counter()
    for each in gc.get_objects():
        found["variables"] += isinstance(each, keras.Variable)
        found["layers"] += isinstance(each, keras.layers.Layer)
    return found


def _resident() -> float:
    """The process's memory in MB; 0 where the system does not say."""
    if not os.path.exists("/proc/self/statm"):
        return 0.0
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[1]) * resource.getpagesize() / 1e6
