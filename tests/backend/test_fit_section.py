"""The section `fit`: what best means, the same everywhere, what an epoch is, and metrics by output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import check_spec
from spec_compiler.backend.training.batches import ArrayBatches
from spec_compiler.cli.commands.train import history_text
from spec_compiler.result import TrainedSpec
from spec_compiler.trainer import train_spec
from spec_compiler.training.watcher import Watcher
from tests.backend.conftest import randomized
from tests.markdown import ROOT, blocks

DATA = """
import numpy as np
random = np.random.default_rng(3)
x = random.normal(size=(14, 5)).astype("float32")
y = np.eye(3, dtype="float32")[random.integers(0, 3, 14)]
def train(): return x, y
def held(): return x[:6], y[:6]
def two(): return x, {"age": x[:, :1], "sex": y}
"""
HEAD = [{"Dense": {"units": 3, "activation": "softmax", "name": "answer"}}]


def base() -> Any:
    inputs = keras.Input((5,), name="numbers")
    return randomized(keras.Model(inputs, keras.layers.Dense(4, name="body")(inputs), name="base"))


def spec(*phases: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "spec": 1,
        "head": HEAD,
        "data": {"train": "my_fit_data:train", "validation": "my_fit_data:held", "batch_size": 4},
        "compile": {
            "optimizer": {"SGD": 0.05},
            "loss": "categorical_crossentropy",
            "metrics": ["accuracy", "AUC"],
            "jit_compile": False,
        },
        "train": [{"phase": f"phase_{at}", "epochs": 3, **phase} for at, phase in enumerate(phases or ({},))],
        **changes,
    }


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_fit_data.py").write_text(DATA)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(given: dict[str, Any], folder: str = "run", **options: Any) -> TrainedSpec:
    options = {"watcher": Watcher(verbose=0), "base": base()} | options
    return train_spec(given, folder, allow_code=True, tensorboard=False, **options)


def problems(given: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(each.code, each.path, each.message) for each in check_spec(given, base=base(), allow_code=True)]


def data() -> dict[str, Any]:
    space: dict[str, Any] = {}
    exec(DATA, space)
    return space


@pytest.mark.parametrize("place", ["fit", pytest.param("phase", marks=pytest.mark.slow)])
def test_best_is_the_same_everywhere_finding_W18(place: str, here: Path) -> None:
    """`best.keras` measures what the history says of its epoch, which no other epoch exceeds."""
    said = {"monitor": "val_accuracy"}
    given = spec({}, {"epochs": 4}, fit=said) if place == "fit" else spec({}, {"epochs": 4, **said})
    trained = run(given)
    values = [row.metrics["val_accuracy"] for row in trained.history]
    losses = [row.metrics["val_loss"] for row in trained.history]
    best = int(np.argmax(values)) + 1
    assert best != int(np.argmin(losses)) + 1  # else this would show nothing
    assert trained.summary["best"]["measure"] == "val_accuracy"
    assert trained.summary["best"]["epoch"] == best
    assert f"best val_accuracy        epoch   {best}" in history_text(trained.history)
    model = keras.saving.load_model(here / "run" / "best.keras")
    answers = model.predict(data()["x"][:6], verbose=0).argmax(-1)
    assert float((answers == data()["y"][:6].argmax(-1)).mean()) == pytest.approx(max(values))
    if (here / "run" / "curves.svg").exists():
        assert f"best: epoch {best}" in (here / "run" / "curves.svg").read_text()


def test_callbacks_watch_what_the_run_goes_by_finding_N16(here: Path) -> None:
    """As Keras does with `monitor` and `mode` in the callback itself; one with a monitor of its own keeps it."""
    del here
    stop = {"EarlyStopping": {"patience": 1, "restore_best_weights": True}}
    plain = {"EarlyStopping": {"patience": 1, "restore_best_weights": True, "monitor": "auc", "mode": "max"}}
    ends: list[Any] = []
    watcher = Watcher(verbose=0, ended=ends.append)
    mine = run(spec({"epochs": 9}, fit={"monitor": "auc", "callbacks": [stop]}), "mine", watcher=watcher)
    other = run(spec({"epochs": 9, "callbacks": [plain]}), "other")
    assert [row.metrics for row in mine.history] == [row.metrics for row in other.history]
    assert ends[0]["monitor"] == "auc"
    assert ends[0]["back_to"] == mine.summary["best"]["epoch"]
    replaced = spec({"epochs": 5, "callbacks": []}, fit={"monitor": "auc", "callbacks": [stop]})
    assert len(run(replaced, "replaced").history) == 5


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        (
            {"fit": {"monitor": "val_acuracy"}},
            ("fit", "monitor"),
            "`monitor` is `val_acuracy`, which the training does not report",
        ),
        (
            {"fit": {"mode": "max"}},
            ("fit", "mode"),
            "`mode: max` says that more of `val_loss` is better, which it is not",
        ),
        (
            {"fit": {"monitor": "auc"}, "train": [{"phase": "a", "epochs": 1, "monitor": "loss"}]},
            ("train", 0, "monitor"),
            "`fit.monitor` is `auc` and this is `loss`: a run has one best",
        ),
        (
            {"fit": {"validation_freq": 4}},
            ("fit", "validation_freq"),
            "a validation after every 4 epochs is none, the run has 3",
        ),
        (
            {"fit": {"validation_steps": 4}, "data": {"train": "my_fit_data:train"}},
            ("fit", "validation_steps"),
            "`validation_steps` says how is validated, and there is nothing to validate on",
        ),
        ({"fit": {"monitor": "auc"}, "train": []}, ("fit",), "nothing uses `fit`, this spec has no `train`"),
    ],
)
def test_what_is_wrong_with_fit(changes: dict[str, Any], path: tuple[Any, ...], message: str, here: Path) -> None:
    del here
    given = spec() | changes
    if not given["train"]:
        del given["data"]
    assert [each[1:] for each in problems(given)] == [(path, message)]


def test_of_what_nobody_knows_the_direction_must_be_said(here: Path) -> None:
    del here
    compile = spec()["compile"] | {"metrics": [{"TruePositives": {"name": "hits"}}]}
    message = "`monitor` is `val_hits`, and nothing says whether more of it is better"
    assert problems(spec(compile=compile, fit={"monitor": "val_hits"})) == [("SC605", ("fit", "monitor"), message)]
    assert problems(spec(compile=compile, fit={"monitor": "val_hits", "mode": "max"})) == []


def test_steps_of_an_epoch_go_on_where_the_last_one_ended() -> None:
    """Two passes over fourteen samples in epochs of three batches: each sample twice, in order of the passes."""
    x = np.arange(14)
    batches = ArrayBatches(x, x, None, 4, seed=5, shuffle=True)
    batches.steps = 2
    seen = []
    for batches.epoch in range(4):
        assert len(batches) == 2
        seen += [batches[at][0] for at in range(2)]
    passes = np.split(np.concatenate(seen), 2)
    assert [sorted(each) for each in passes] == [[*range(14)]] * 2
    assert passes[0].tolist() != passes[1].tolist()


def test_steps_as_keras_has_them(here: Path) -> None:
    """An epoch of two batches updates the weights twice, and is validated on the first batch, every second time."""
    del here
    trained = run(spec({"epochs": 4}, fit={"steps_per_epoch": 2, "validation_steps": 1, "validation_freq": 2}))
    assert int(trained.model.optimizer.iterations) == 8
    assert ["val_loss" in row.metrics for row in trained.history] == [False, True, False, True]
    loss = keras.losses.CategoricalCrossentropy()
    first = loss(data()["y"][:4], trained.model.predict(data()["x"][:4], verbose=0))
    assert trained.history.rows[-1].metrics["val_loss"] == pytest.approx(float(first), rel=1e-5)


def test_a_run_with_steps_goes_on_as_if_nothing_had_happened(here: Path) -> None:
    del here
    fit = {"steps_per_epoch": 3, "monitor": "val_auc", "callbacks": [{"ReduceLROnPlateau": {"patience": 1}}]}
    whole = run(spec({"epochs": 5}, fit=fit), "whole")
    run(spec({"epochs": 2}, fit=fit))
    again = run(spec({"epochs": 5}, fit=fit), resume=True)
    assert [row.metrics for row in again.history] == [row.metrics for row in whole.history]
    for one, other in zip(again.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.summary["best"] == whole.summary["best"]


TWO = {
    "head": [*HEAD, {"Dense": {"units": 1, "name": "years"}, "from": "body"}],
    "outputs": {"sex": "answer", "age": "years"},
    "data": {"train": "my_fit_data:two", "batch_size": 14},
}


def two(metrics: Any, **compile: Any) -> dict[str, Any]:
    losses = {"age": "mse", "sex": "categorical_crossentropy"}
    return spec(**TWO, compile=spec()["compile"] | {"loss": losses, "metrics": metrics, **compile})


def test_metrics_by_output(here: Path) -> None:
    """They are what NumPy computes of the model before its first step."""
    del here
    metrics = {"age": ["mae", {"MeanSquaredError": {"name": "square"}}], "sex": "accuracy"}
    given = two(metrics, optimizer={"SGD": 0.0}, loss_weights={"age": 0.25})
    trained = run(given)
    row = trained.history.rows[-1].metrics
    assert set(row) == {"loss", "age_loss", "sex_loss", "age_mae", "age_square", "sex_accuracy"}
    said, put_out = data(), trained.model.predict(data()["x"], verbose=0)
    off = put_out["age"] - said["x"][:, :1]
    assert row["age_mae"] == pytest.approx(np.abs(off).mean(), rel=1e-5)
    assert row["age_square"] == pytest.approx((off**2).mean(), rel=1e-5)
    assert row["sex_accuracy"] == pytest.approx((put_out["sex"].argmax(-1) == said["y"].argmax(-1)).mean())
    assert row["loss"] == pytest.approx(0.25 * row["age_loss"] + row["sex_loss"], rel=1e-5)


def test_best_goes_by_a_metric_of_one_output(here: Path) -> None:
    """Keras cannot tell of `sex_accuracy` whether more is better; that it is an accuracy says it."""
    del here
    given = two({"sex": ["accuracy"]})
    given["fit"] = {"monitor": "sex_accuracy", "callbacks": [{"EarlyStopping": {"patience": 2}}]}
    trained = run(given)
    values = [row.metrics["sex_accuracy"] for row in trained.history]
    assert trained.summary["best"]["epoch"] == int(np.argmax(values)) + 1


@pytest.mark.parametrize(
    ("metrics", "path", "message"),
    [
        ({"sexx": ["accuracy"]}, ("compile", "metrics", "sexx"), "the model has no output `sexx`"),
        ({"age": ["acuracy"]}, ("compile", "metrics", "age", 0), "Keras has no metric called `acuracy`"),
        (
            {"Acuracy": {"dtype": "float32"}},
            ("compile", "metrics", 0, "Acuracy"),
            "Keras has no metric called `Acuracy`",
        ),
    ],
)
def test_what_is_wrong_with_metrics_of_outputs(metrics: Any, path: Any, message: str, here: Path) -> None:
    del here
    assert [each[1:] for each in problems(two(metrics))] == [(path, message)]


def test_the_summary_and_the_history_as_data(here: Path) -> None:
    run(spec(fit={"monitor": "val_auc"}))
    summary = json.loads((here / "run" / "summary.json").read_text())
    assert summary["best"]["measure"] == "val_auc"


def test_the_sections_of_the_page_are_right(here: Path) -> None:
    """Each block of the page on training that is no whole spec, beside what it leaves out."""
    del here
    parts = [block for block in blocks(ROOT / "docs" / "training.md", "yaml") if block.startswith(("fit:", "compile:"))]
    assert len(parts) == 2
    text = """
base: {application: VGG16, weights: null, include_top: false, input_shape: [32, 32, 3]}
input: {preprocess: auto}
head: [GlobalAveragePooling2D, BatchNormalization, {Dense: {units: 3, activation: softmax}}]
data: {train: my_fit_data:train, validation: my_fit_data:held}
train: [{phase: all, epochs: 4}]
"""
    usual = "compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [accuracy]}\n"
    for part in parts:
        whole = f"spec: 1{text}{part}" + ("" if part.startswith("compile:") else usual)
        assert check_spec(whole, allow_code=True) == ()


CALLBACK = """
import collections, keras, numpy as np
class Notes(keras.callbacks.Callback):
    def __init__(self, title="none"):
        super().__init__()
        self.title, self.seen, self.table = title, [], {}
        self.sums, self.recent = np.zeros(2), collections.deque(maxlen=2)
    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(epoch)
        self.table[str(epoch)] = {"loss": logs["loss"]}
        self.sums = self.sums + epoch
        self.recent.append(epoch)
        with open("notes.txt", "w") as stream:
            stream.write(f"{self.title} {self.seen} {sorted(self.table)} {self.sums.tolist()} {list(self.recent)}")
"""


def test_a_callback_of_ones_own_remembers_what_a_checkpoint_can_hold(here: Path) -> None:
    """Lists, mappings and arrays come back as if nothing had happened; what cannot is said by name."""
    (here / "my_notes.py").write_text(CALLBACK)

    def given(epochs: int) -> dict[str, Any]:
        return spec({"epochs": epochs, "callbacks": [{"my_notes:Notes": {"title": "mine"}}]})

    run(given(4), "whole")
    whole = (here / "notes.txt").read_text()
    assert whole == "mine [0, 1, 2, 3] ['0', '1', '2', '3'] [6.0, 6.0] [2, 3]"
    forgotten: list[Any] = []
    watcher = Watcher(verbose=0, forgot=lambda callback, names: forgotten.append((callback, list(names))))
    run(given(3), "broken")
    run(given(4), "broken", resume=True, watcher=watcher)
    assert (here / "notes.txt").read_text() == whole.replace("[2, 3]", "[3]")  # a deque begins anew
    assert forgotten == [("my_notes:Notes", ["recent"])]
