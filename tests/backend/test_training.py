"""Training through phases: what trains, what stays, what is written, and that a continued run is the same run."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError
from spec_compiler.backend.training import fitting
from spec_compiler.backend.training.checkpoints import marks, read_state
from spec_compiler.result import TrainedSpec
from spec_compiler.trainer import train_spec
from spec_compiler.training.watcher import Watcher
from tests.backend.conftest import branching
from tests.backend.pictures import write_pictures

QUIET = Watcher(verbose=0)
HEAD = [{"Dropout": 0.3}, {"Dense": {"units": 3, "activation": "softmax", "name": "answer"}}]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("data") / "train")


def spec(pictures: Path, **changes: Any) -> dict[str, Any]:
    """Two short phases on the branching model."""
    return {
        "spec": 1,
        "cut_at": "pool",
        "head": HEAD,
        "data": {
            "train": str(pictures),
            "validation": 0.25,
            "batch_size": 6,
            "augment": [{"RandomFlip": "horizontal"}, {"RandomRotation": 0.1}],
        },
        "compile": {
            "optimizer": {"Adam": {"learning_rate": 0.01}},
            "loss": "categorical_crossentropy",
            "metrics": ["accuracy"],
            "jit_compile": False,
        },
        "train": [
            {"phase": "feature_extraction", "freeze": "base", "epochs": 2},
            {
                "phase": "fine_tune",
                "freeze": "..block1_add",
                "epochs": 3,
                "optimizer": {"SGD": {"learning_rate": 0.01}},
            },
        ],
        **changes,
    }


def trained(given: dict[str, Any], folder: Path, **options: Any) -> TrainedSpec:
    return train_spec(given, str(folder), base=branching(), watcher=QUIET, tensorboard=False, **options)


def weights_of(model: Any) -> dict[str, Any]:
    return {each.path: np.array(keras.ops.convert_to_numpy(each)) for each in model.weights}


def changed(model: Any) -> set[str]:
    """The layers that differ from the base's."""
    base = {each.path: keras.ops.convert_to_numpy(each) for each in branching().weights}
    return {
        path.split("/")[0]
        for path, value in weights_of(model).items()
        if path in base and not np.array_equal(value, base[path])
    }


def test_the_phases_in_order_and_what_they_write(pictures: Path, tmp_path: Path) -> None:
    result = trained(spec(pictures), tmp_path / "run")
    assert changed(result.model) == {"block2_conv1", "block2_bn", "block2_conv2"}
    rows = list(csv.DictReader((tmp_path / "run" / "history.csv").read_text().splitlines()))
    assert [row["phase"] for row in rows] == ["feature_extraction"] * 2 + ["fine_tune"] * 3
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(rows[0])
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["versions"]["keras"] == keras.__version__
    assert len(summary["checksums"]["best.keras"]) == len(summary["checksums"]["base"]) == 64
    assert summary["data"] == {"classes": ["class_0", "class_1", "class_2"], "train": 18, "validation": 6, "test": None}
    for name in ("best.keras", "last.keras"):
        again = keras.saving.load_model(tmp_path / "run" / name)
        assert again.output_shape == (None, 3)
        assert marks(str(tmp_path / "run" / name))["class_names"] == ["class_0", "class_1", "class_2"]
    for path, value in weights_of(keras.saving.load_model(tmp_path / "run" / "last.keras")).items():
        assert np.array_equal(value, weights_of(result.model)[path])
    assert not [each for each in (tmp_path / "run").iterdir() if each.name.startswith(".")]


def test_the_curves_are_drawn(pictures: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = trained(spec(pictures), tmp_path / "run")
    assert result.summary["curves"] is True
    svg = (tmp_path / "run" / "curves.svg").read_text()
    assert "fine_tune" in svg
    assert "validation" in svg
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_frozen_layers_keep_their_statistics_case_07(pictures: Path, tmp_path: Path) -> None:
    """Everything trains but BatchNormalization, which stays in inference mode."""
    phases = [{"phase": "fine_tune", "epochs": 2, "freeze": {"layers": "stem", "batch_norm": "all"}}]
    result = trained(spec(pictures, train=phases), tmp_path / "run")
    assert changed(result.model) == {"block1_conv1", "block1_conv2", "block2_conv1", "block2_conv2"}


def test_without_it_the_statistics_move(pictures: Path, tmp_path: Path) -> None:
    phases = [{"phase": "fine_tune", "epochs": 2, "freeze": "stem"}]
    result = trained(spec(pictures, train=phases), tmp_path / "run")
    assert {"block1_bn", "block2_bn"} <= changed(result.model)


def test_the_section_freeze_takes_batch_norm_too(pictures: Path, tmp_path: Path) -> None:
    phases = [{"phase": "fine_tune", "epochs": 1}]
    given = spec(pictures, train=phases, freeze={"batch_norm": "all"})
    assert not {"block1_bn", "block2_bn"} & changed(trained(given, tmp_path / "run").model)


def test_batch_norm_inside_a_nested_model_stays_in_inference_mode(pictures: Path, tmp_path: Path) -> None:
    inputs = keras.Input((16, 16, 3))
    inner = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(name="bn")], name="inner"
    )
    base = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inner(inputs)))
    phases = [{"phase": "all", "epochs": 1, "freeze": {"batch_norm": "all"}}]
    given = {**spec(pictures, train=phases), "cut_at": "[-1:]"}
    result = train_spec(given, str(tmp_path / "run"), base=base, watcher=QUIET, tensorboard=False)
    after = result.model.get_layer("inner").get_layer("bn")
    before = base.get_layer("inner").get_layer("bn")
    assert all(np.array_equal(a, b) for a, b in zip(after.get_weights(), before.get_weights(), strict=True))
    kernel = result.model.get_layer("inner").layers[0].get_weights()[0]
    assert not np.array_equal(kernel, base.get_layer("inner").layers[0].get_weights()[0])


CALLBACKS = [
    {"ReduceLROnPlateau": {"monitor": "val_loss", "factor": 0.5, "patience": 1, "min_delta": 10}},
    {"EarlyStopping": {"monitor": "val_loss", "patience": 4, "restore_best_weights": True}},
]


@pytest.mark.parametrize("stop", [3, *(pytest.param(stop, marks=pytest.mark.slow) for stop in (0, 1, 2, 5, 6))])
def test_a_resumed_run_is_the_same_run(
    stop: int, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU the tolerance is zero: every weight, every metric and every learning rate agrees in every bit.

    The run is interrupted in the second batch of epoch `stop` (from 0). Dropout, augmentation, shuffling, momentum,
    EarlyStopping's best weights and ReduceLROnPlateau's counters all have to be carried over.
    """
    phases = [
        {"phase": "head", "freeze": "base", "epochs": 2},
        {"phase": "tune", "freeze": "..block1_add", "epochs": 5, "callbacks": CALLBACKS},
    ]
    given = spec(pictures, train=phases)
    whole = trained(given, tmp_path / "whole")

    def interrupted(self: Any, batch: int, logs: Any = None) -> None:
        if self.job.data.epoch == stop and batch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fitting._Keeper, "on_train_batch_end", interrupted, raising=False)
        with pytest.raises(KeyboardInterrupt):
            trained(given, tmp_path / "broken")
    done = read_state(str(tmp_path / "broken" / "last.keras"))
    assert (0 if done is None else len(done[0]["history"])) == stop
    resumed = trained(given, tmp_path / "broken", resume=True)
    assert [row.metrics for row in resumed.history] == [row.metrics for row in whole.history]
    assert [row.learning_rate for row in resumed.history] == [row.learning_rate for row in whole.history]
    for path, value in weights_of(whole.model).items():
        assert np.array_equal(value, weights_of(resumed.model)[path]), path
    best = [weights_of(keras.saving.load_model(tmp_path / run / "best.keras")) for run in ("whole", "broken")]
    assert all(np.array_equal(best[0][path], best[1][path]) for path in best[0])


def test_a_finished_run_resumed_stays_as_it_is(pictures: Path, tmp_path: Path) -> None:
    first = trained(spec(pictures), tmp_path / "run")
    again = trained(spec(pictures), tmp_path / "run", resume=True)
    assert again.history == first.history
    for path, value in weights_of(first.model).items():
        assert np.array_equal(value, weights_of(again.model)[path])


def test_two_runs_are_the_same_run(pictures: Path, tmp_path: Path) -> None:
    one, other = trained(spec(pictures), tmp_path / "one"), trained(spec(pictures), tmp_path / "other")
    assert [row.metrics for row in one.history] == [row.metrics for row in other.history]


@pytest.mark.parametrize(
    "cut", [pytest.param(0, marks=pytest.mark.slow), 100, pytest.param(-200, marks=pytest.mark.slow)]
)
def test_half_a_file_is_never_a_checkpoint(cut: int, pictures: Path, tmp_path: Path) -> None:
    trained(spec(pictures), tmp_path / "run")
    file = tmp_path / "run" / "last.keras"
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(SpecError) as caught:
        trained(spec(pictures), tmp_path / "run", resume=True)
    assert caught.value.diagnostics[0].code == "SC608"


def test_a_run_is_not_overwritten_and_not_continued_with_another_spec(pictures: Path, tmp_path: Path) -> None:
    trained(spec(pictures), tmp_path / "run")
    with pytest.raises(SpecError, match="already holds a run"):
        trained(spec(pictures), tmp_path / "run")
    with pytest.raises(SpecError, match="began with no `seed`, the spec says `5`"):
        trained(spec(pictures, seed=5), tmp_path / "run", resume=True)
    trained(spec(pictures), tmp_path / "run", force=True)


def test_a_full_disk_keeps_the_last_checkpoint(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    save = keras.Model.save

    def full(self: Any, path: str, *args: Any, **options: Any) -> None:
        if read_state(str(tmp_path / "run" / "last.keras")):
            Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(self, path, *args, **options)

    monkeypatch.setattr(keras.Model, "save", full)
    with pytest.raises(SpecError, match="no space left"):
        trained(spec(pictures), tmp_path / "run")
    monkeypatch.undo()
    state = read_state(str(tmp_path / "run" / "last.keras"))
    assert state is not None
    assert len(state[0]["history"]) == 1
    assert len(trained(spec(pictures), tmp_path / "run", resume=True).history) == 5


def test_too_little_room_is_found_before_an_epoch(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(SpecError, match="the run needs about"):
        trained(spec(pictures), tmp_path / "run")
    assert not (tmp_path / "run" / "history.csv").exists()
