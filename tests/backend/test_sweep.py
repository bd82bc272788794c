"""Sweeps that train: in two processes, stopped, with one of them killed, and the best point trained by itself."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, sweep
from spec_compiler.files.run_folder import LAST
from spec_compiler.search.events import Event, Found
from spec_compiler.trainer import train_spec
from spec_compiler.training.history import History
from spec_compiler.training.pruned import Pruned
from spec_compiler.training.watcher import Watcher

MODULE = """\
import keras
import numpy as np

def _data(seed):
    x = np.random.default_rng(seed).normal(size=(64, 6)).astype("float32")
    return x, (x[:, :1] * x[:, 1:2] + 0.3 * x[:, 2:3]).astype("float32")

def train():
    return _data(1)

def validation():
    return _data(2)

def base():
    x = keras.Input((6,))
    return keras.Model(x, keras.layers.Activation("linear")(x))
"""
SPEC = """\
spec: 1
seed: 5
vars:
  units: 4 # overwritten in the best
  rate: 1.0e-3
base: {python: "things:base"}
head:
  - Dense: {units: "${units}", activation: tanh}
  - Dropout: 0.1
  - Dense: 1
data: {train: "things:train", validation: "things:validation", batch_size: 16}
compile: {optimizer: {Adam: {learning_rate: "${rate}"}}, loss: mse, metrics: [mae]}
train:
  - {phase: one, epochs: 3}
  - {phase: two, epochs: 3, freeze: dense}
sweep:
  vars:
    units: [4, 8]
    rate: {log: [1.0e-3, 1.0e-1]}
  trials: 6
  monitor: val_mae
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "things.py").write_text(MODULE)
    (folder / "spec.yaml").write_text(SPEC)
    return folder


def workers() -> list[int]:
    """The processes that train for this one."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent = int(Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[1])
            line = Path("/proc", name, "cmdline").read_bytes()
        except OSError:
            continue
        if parent == os.getpid() and b"spec_compiler.search.worker" in line:
            found.append(int(name))
    return sorted(found)


class Stopping:
    """Stops a sweep once a trial has ended and another is on its way."""

    ended = 0

    def __call__(self, event: Event, found: Found) -> None:
        self.ended += event.kind == "ended"
        if self.ended and event.kind == "epoch" and event.count < 5:
            raise KeyboardInterrupt


class Killing:
    """Kills a process in the middle of a trial."""

    killed: int | None = None

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event, found: Found) -> None:
        self.events.append(event)
        if self.killed is None and event.kind == "epoch" and event.count < 5:
            self.killed = workers()[0]
            os.kill(self.killed, signal.SIGKILL)


in_proc = pytest.mark.skipif(not os.path.isdir("/proc"), reason="finds its processes in /proc")


@in_proc
def test_a_process_that_is_killed_loses_a_trial_and_nothing_else(project: Path) -> None:
    overrides = ["sweep.trials=3", "train[1].epochs=1"]
    killing = Killing()
    folder = os.fspath(project / "killed")
    swept = sweep(
        project / "spec.yaml",
        folder,
        workers=2,
        overrides=overrides,
        allow_code=True,
        tensorboard=False,
        watcher=killing,
    )
    assert workers() == []
    assert killing.killed is not None
    assert sorted(each.state for each in swept.trials) == ["again", "done", "done", "done"]
    (lost,) = (each for each in swept.trials if each.state == "again")
    assert lost.reason == "its process was killed by SIGKILL"
    assert repr(lost.point) in [repr(each.point) for each in swept.trials if each.state == "done"]
    assert swept.best is not None
    trained = train_spec(f"{folder}/best.yaml", os.fspath(project / "best"), allow_code=True, tensorboard=False)
    assert trained.history.best("val_mae", largest=False).metrics == swept.best.metrics  # type: ignore[union-attr]


@pytest.mark.slow
@in_proc
def test_six_trials_in_two_processes_stopped_and_killed(project: Path) -> None:
    folder, spec = os.fspath(project / "swept"), project / "spec.yaml"
    options: dict[str, Any] = {"workers": 2, "allow_code": True, "tensorboard": False}
    with pytest.raises(KeyboardInterrupt):
        sweep(spec, folder, watcher=Stopping(), **options)
    assert workers() == []
    with pytest.raises(SpecError, match="already holds a sweep"):
        sweep(spec, folder, **options)
    changed = SPEC.replace("Dropout: 0.1", "Dropout: 0.2")
    (project / "other.yaml").write_text(changed)
    with pytest.raises(SpecError, match=r"began with `head\[1\].Dropout: 0.1`, the spec says `0.2`"):
        sweep(project / "other.yaml", folder, resume=True, **options, overrides=["name=spec"])
    killing = Killing()
    swept = sweep(spec, folder, resume=True, watcher=killing, **options)
    assert workers() == []

    states = [each.state for each in swept.trials]
    done = [each for each in swept.trials if each.state == "done"]
    again = [each for each in swept.trials if each.state == "again"]
    assert len(done) == 6 == states.count("done")
    assert 2 <= len(again) == len(states) - 6 <= 3  # one or two that were stopped, and the one that was killed
    assert [each.reason for each in again].count("its process was killed by SIGKILL") == 1
    assert {repr(each.point) for each in again} <= {repr(each.point) for each in done}
    assert len({repr(each.point) for each in done}) == 6
    began = [each.trial.number for each in killing.events if each.kind == "begun" and each.trial]
    assert len(began) == len(set(began))
    assert swept.best == min(done, key=lambda each: each.value or 9)
    for each in done:
        rows = [*csv.DictReader((Path(each.folder) / "history.csv").read_text().splitlines())]
        assert len(rows) == 6
        values = [float(row["val_mae"]) for row in rows]
        assert (each.value, each.epoch) == (min(values), values.index(min(values)) + 1)
        assert [*each.values.values()][-1] == values[-1]
    table = [*csv.DictReader((project / "swept" / "trials.csv").read_text().splitlines())]
    assert [(int(row["trial"]), row["state"]) for row in table] == [(e.number, e.state) for e in swept.trials]
    for name in ("sweep.png", "sweep.svg", "best.yaml", "best.keras"):
        assert (project / "swept" / name).stat().st_size

    best = project / "swept" / "best.yaml"
    assert "# overwritten in the best" in best.read_text()
    assert swept.best is not None
    trained = train_spec(best, os.fspath(project / "alone"), allow_code=True, tensorboard=False)
    assert trained.history.best("val_mae", largest=False).metrics["val_mae"] == swept.best.value  # type: ignore[union-attr]
    ours, theirs = (
        keras.models.load_model(path) for path in (project / "alone" / LAST, Path(swept.best.folder) / LAST)
    )
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(mine, other)

    finished = sweep(spec, folder, resume=True, **options)
    assert finished.trials == swept.trials


def test_a_point_that_is_broken_is_told_before_anything_is_written(project: Path) -> None:
    text = SPEC.replace("units: [4, 8]", "units: [4, -8]")
    (project / "broken.yaml").write_text(text)
    with pytest.raises(SpecError) as caught:
        sweep(project / "broken.yaml", os.fspath(project / "nothing"), allow_code=True)
    (found,) = caught.value.diagnostics
    assert (found.code, found.line) == ("SC107", 8)
    assert found.notes == ("with units -8, rate 0.001, a point of `sweep`, and at 2 more of 6: all with units -8",)
    assert not (project / "nothing").exists()


def test_a_run_that_is_pruned_is_whole_and_goes_on(project: Path) -> None:
    def prunes(history: History) -> None:
        if len(history) == 2:
            raise Pruned

    options: dict[str, Any] = {"allow_code": True, "tensorboard": False}
    with pytest.raises(Pruned):
        train_spec(project / "spec.yaml", os.fspath(project / "run"), watcher=Watcher(epoch=prunes), **options)
    assert len((project / "run" / "history.csv").read_text().splitlines()) == 3
    resumed = train_spec(project / "spec.yaml", os.fspath(project / "run"), resume=True, **options)
    whole = train_spec(project / "spec.yaml", os.fspath(project / "whole"), **options)
    assert [row.metrics for row in resumed.history] == [row.metrics for row in whole.history]


def test_without_optuna_the_help_says_how_to_install_it(project: Path) -> None:
    code = "import sys; sys.modules['optuna'] = None; from spec_compiler.cli import main; main()"
    said = subprocess.run(
        [sys.executable, "-c", code, "sweep", "spec.yaml", "-o", "without", "--allow-code"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 2
    assert "error[SC608]: a sweep runs on Optuna, which is not installed\n  --> spec.yaml:16:1" in said.stderr
    assert "pip install 'spec-compiler[sweep]'" in said.stderr
    assert not (project / "without").exists()
