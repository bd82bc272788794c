"""What a run reports, how it ends, how it goes on: on a tiny model, with data from a function."""

from __future__ import annotations

import copy
import inspect
import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from spec_compiler import SpecError, check_spec, plan_spec
from spec_compiler.backend.training import fitting
from spec_compiler.backend.training.keras_objects import make
from spec_compiler.backend.training.unsaved import restore_unsaved, unsaved_variables
from spec_compiler.cli.commands.train import end_text, history_text
from spec_compiler.cli.formats import plan_as
from spec_compiler.cli.main import cli
from spec_compiler.cli.show import plan_text
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.metric_directions import direction_of
from spec_compiler.result import TrainedSpec
from spec_compiler.spec.compilation import Compile
from spec_compiler.spec.keras_objects import NOT_WRITTEN, KerasObject, ObjectKind
from spec_compiler.trainer import train_spec
from spec_compiler.training.reported import metric_name, reported
from spec_compiler.training.watcher import Watcher
from tests.backend.conftest import randomized

DATA = """
import numpy as np
random = np.random.default_rng(3)
x = random.normal(size=(12, 5)).astype("float32")
y = np.eye(3, dtype="float32")[random.integers(0, 3, 12)]
def train(): return x, y
def held(): return x[:4], y[:4]
"""


def base() -> Any:
    inputs = keras.Input((5,), name="numbers")
    return randomized(keras.Model(inputs, keras.layers.Dense(4, name="body")(inputs), name="base"))


def spec(*phases: dict[str, Any], **changes: Any) -> dict[str, Any]:
    train = [{"phase": f"phase_{at}", "epochs": 2, **phase} for at, phase in enumerate(phases or ({},))]
    return {
        "spec": 1,
        "head": [{"Dropout": 0.3}, {"Dense": {"units": 3, "activation": "softmax", "name": "answer"}}],
        "data": {"train": "my_run_data:train", "validation": "my_run_data:held", "batch_size": 4},
        "compile": {"optimizer": {"Adam": 0.05}, "loss": "categorical_crossentropy", "jit_compile": False},
        "train": train,
        **changes,
    }


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_run_data.py").write_text(DATA)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(given: dict[str, Any], folder: str = "run", **options: Any) -> TrainedSpec:
    options = {"watcher": Watcher(verbose=0), "base": base()} | options
    return train_spec(given, folder, allow_code=True, tensorboard=False, **options)


def refused(given: dict[str, Any], **options: Any) -> Any:
    with pytest.raises(SpecError) as caught:
        run(given, **options)
    (found,) = caught.value.diagnostics
    return found


def with_metrics(*metrics: Any, **changes: Any) -> dict[str, Any]:
    given = spec({}, {}, **changes)
    return {**given, "compile": {**given["compile"], "metrics": list(metrics)}}


METRICS = (
    "AUC",
    "Precision",
    {"Recall": {"name": "found"}},
    "accuracy",
    {"AUC": {"curve": "PR"}},
    "mse",
    "KLDivergence",
)


def test_every_phase_reports_the_same_names_finding_N1(here: Path) -> None:
    del here
    rows = run(with_metrics(*METRICS)).history.rows
    names = {"auc", "precision", "found", "accuracy", "auc_1", "mse", "kl_divergence", "loss"}
    for row in rows:
        assert set(row.metrics) == names | {f"val_{name}" for name in names}
    compile = Compile.model_validate(with_metrics(*METRICS)["compile"])
    assert set(reported(compile, ["answer"], validates=True)) == set(rows[0].metrics)


def test_several_outputs_report_what_check_expects_finding_N1(here: Path) -> None:
    (here / "my_run_data.py").write_text(
        DATA.replace("x, y", "x, {'a': y, 'b': y}").replace("y[:4]\n", "{'a': y[:4], 'b': y[:4]}\n")
    )
    two = {"outputs": {"b": "answer", "a": "other"}}
    head = [*spec()["head"], {"Dense": {"units": 3, "activation": "softmax", "name": "other"}, "from": "body"}]
    given = with_metrics("AUC", "accuracy", head=head, **two)
    assert check_spec(given, base=base(), allow_code=True) == ()
    rows = run(given).history.rows
    compile = Compile.model_validate(given["compile"])
    assert [set(row.metrics) for row in rows] == [set(reported(compile, ["a", "b"], validates=True))] * 4


@pytest.mark.slow
def test_the_name_and_direction_of_every_metric_finding_N1() -> None:
    arguments = {"num_classes": 2, "target_class_ids": [0], "normalizer": [1.0]}
    metrics = catalogue.catalogue()["metrics"]
    for name, record in metrics.items():
        if "alias_of" not in record and hasattr(keras.metrics, name):
            needed = [key for key, each in record["arguments"].items() if each.get("required")]
            made = make(KerasObject.parse("metric", {name: {key: arguments.get(key, 0.5) for key in needed}}))
            known = {"up": "max", "down": "min", None: None}[getattr(made, "_direction", None)]
            assert known == direction_of(name), name
            keras.utils.clear_session()
            entry = KerasObject.parse("metric", {name: {key: arguments.get(key, 0.5) for key in needed}})
            assert make(entry).name == metric_name(entry), name


@pytest.mark.parametrize(
    ("monitor", "expected"),
    [
        ({"monitor": "val_auc"}, []),
        ({"monitor": "val_AUC"}, ["SC605"]),
        ({"monitor": "val_auc_1"}, ["SC605"]),
        ({"monitor": "val_positives"}, ["SC605"]),  # Keras cannot tell whether more is better
        ({"monitor": "val_positives", "mode": "max"}, []),
    ],
)
def test_what_callbacks_watch_is_what_the_run_reports_finding_N1(
    monitor: dict[str, Any], expected: list[str], here: Path
) -> None:
    del here
    given = with_metrics("AUC", {"TruePositives": {"name": "positives"}})
    given["train"][0]["callbacks"] = [{"EarlyStopping": monitor}]
    assert [each.code for each in check_spec(given, base=base(), allow_code=True)] == expected
    if not expected:
        assert len(run(given).history) == 4


def test_a_file_name_with_a_number_that_nothing_reports_finding_N1(here: Path) -> None:
    del here
    given = with_metrics("AUC")
    for name, expected in (("{epoch:02d}-{val_auc:.2f}.keras", []), ("{val_AUC:.2f}.keras", ["SC605"])):
        given["train"][0]["callbacks"] = [{"ModelCheckpoint": {"filepath": name}}]
        assert [each.code for each in check_spec(given, base=base(), allow_code=True)] == expected


def test_one_measure_finding_W18(here: Path) -> None:
    trained = run(with_metrics("accuracy"))
    losses = [row.metrics["val_loss"] for row in trained.history]
    best = int(np.argmin(losses))
    assert trained.summary["best"]["measure"] == "val_loss"
    assert trained.summary["best"]["epoch"] == best + 1
    assert f"best val_loss            epoch   {best + 1}  val_loss {losses[best]:.4f}" in history_text(trained.history)
    assert "best_accuracy" not in trained.summary
    space: dict[str, Any] = {}
    exec(DATA, space)
    model = keras.saving.load_model(here / "run" / "best.keras")
    again = keras.losses.CategoricalCrossentropy()(space["y"][:4], model.predict(space["x"][:4], verbose=0))
    assert float(again) == pytest.approx(losses[best], rel=1e-5)


STOPS = [{"EarlyStopping": {"monitor": "val_loss", "patience": 1, "min_delta": 100, "restore_best_weights": True}}]


def test_a_phase_that_stops_early_says_so_finding_N16(here: Path) -> None:
    ends: list[Any] = []
    trained = run(spec({"epochs": 9, "callbacks": STOPS}, {}), watcher=Watcher(verbose=0, ended=ends.append))
    assert [end_text(end) for end in ends] == [
        "phase_0: stopped after 2 of 9 epochs by EarlyStopping, no better val_loss; went back to the weights of epoch 1"
    ]
    assert json.loads((here / "run" / "summary.json").read_text())["ends"] == trained.summary["ends"] == ends
    assert [row.phase for row in trained.history] == ["phase_0"] * 2 + ["phase_1"] * 2


def test_epochs_may_be_raised_finding_N6(here: Path) -> None:
    """The longer run is bit for bit the one that was not interrupted; phases may follow."""
    del here
    whole = run(spec({"epochs": 5}, {}), "whole")
    run(spec({"epochs": 3}))
    longer = run(spec({"epochs": 5}, {}), resume=True)
    assert [row.metrics for row in longer.history] == [row.metrics for row in whole.history]
    for one, other in zip(longer.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def same(one: TrainedSpec, other: TrainedSpec) -> None:
    """Bit for bit: what each epoch reports, the weights, and the optimizer."""
    assert [row.metrics for row in one.history] == [row.metrics for row in other.history]
    for mine, yours in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, yours)
    for mine, yours in zip(one.model.optimizer.variables, other.model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(mine), keras.ops.convert_to_numpy(yours))


def test_a_finished_run_goes_on_with_a_further_phase(here: Path) -> None:
    """Also where the one before ended by going back to earlier weights."""
    del here
    firsts: list[dict[str, Any]] = [{"epochs": 2}, {"epochs": 9, "callbacks": STOPS}]
    for at, first in enumerate(firsts):
        second = {"epochs": 2, "optimizer": {"SGD": 0.1}}
        whole = run(spec(first, second), f"whole_{at}")
        run(spec(first), f"run_{at}")
        said: list[Any] = []
        watcher = Watcher(verbose=0, resumed=said.extend)
        same(run(spec(first, second), f"run_{at}", resume=True, watcher=watcher), whole)
        assert said == ["`train[1]` added"]
    again: list[Any] = []
    run(spec(first, second), "run_1", resume=True, watcher=Watcher(verbose=0, resumed=again.extend))
    assert again == []


def test_more_patience_goes_on_where_less_had_ended_the_phase(here: Path) -> None:
    def stops(patience: int, **options: Any) -> dict[str, Any]:
        stop = {"monitor": "val_loss", "min_delta": 100, "patience": patience, **options}
        return {"epochs": 6, "callbacks": [{"EarlyStopping": stop}]}

    whole = run(spec(stops(4)), "whole")
    assert len(whole.history) == 5
    assert len(run(spec(stops(2))).history) == 3
    said: list[Any] = []
    watcher = Watcher(verbose=0, resumed=said.extend)
    longer = run(spec(stops(4)), resume=True, watcher=watcher)
    same(longer, whole)
    assert longer.summary["ends"] == whole.summary["ends"]
    assert said == ["`train[0].callbacks[0].EarlyStopping.patience` 2 → 4"]
    less = refused(spec(stops(3)), resume=True)
    assert "began with `train[0].callbacks[0].EarlyStopping.patience: 4`, the spec says `3`" in less.message
    shutil.rmtree(here / "run")
    run(spec(stops(2, restore_best_weights=True)))
    back = refused(spec(stops(4, restore_best_weights=True)), resume=True)
    assert "going back to the weights of epoch 1" in back.message
    assert back.path[-1] == "patience"


def test_a_run_of_an_earlier_version_goes_on(here: Path) -> None:
    """It holds digests only."""
    del here
    whole = run(spec({"epochs": 3}), "whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "to_json", lambda said: [[list(path), each.digest] for path, each in said.items()])
        run(spec({"epochs": 2}))
    other = spec({"epochs": 3}, seed=4)
    assert refused(other, resume=True).message == "the run in `run` began with another `seed`"
    same(run(spec({"epochs": 3}), resume=True), whole)


def test_what_differs_is_said_exactly_finding_N6(here: Path) -> None:
    run(spec({}, {}))
    other = copy.deepcopy(spec({}, {}))
    other["compile"]["optimizer"] = {"Adam": 0.01}
    found = refused(other, resume=True)
    assert found.message == "the run in `run` began with `compile.optimizer.Adam: 0.05`, the spec says `0.01`"
    assert found.path == ("compile", "optimizer", "Adam")
    shorter = refused(spec({}, {"epochs": 1}), resume=True)
    assert (shorter.path, shorter.help) == (("train", 1, "epochs"), "write `epochs: 2`, or more")
    past = refused(spec({"epochs": 3}, {}), resume=True)
    assert (past.path, past.help) == (("train", 0, "epochs"), "write `epochs: 2`")
    assert len(run(spec({}, {}) | {"description": "another text"}, resume=True).history) == 4
    shutil.rmtree(here / "run")
    run(spec({"callbacks": STOPS, "epochs": 2}))
    stopped = run(spec({"callbacks": STOPS, "epochs": 9}), resume=True)  # the longer run would have stopped there too
    assert len(stopped.history) == 2
    shutil.rmtree(here / "run")
    back = [{"EarlyStopping": {**STOPS[0]["EarlyStopping"], "patience": 9}}]
    run(spec({"callbacks": back, "epochs": 2}))
    assert (
        "going back to the weights of epoch 1" in refused(spec({"callbacks": back, "epochs": 3}), resume=True).message
    )


LORA = [{"Dense": {"units": 8, "lora_rank": 4, "name": "adapted"}}, *spec()["head"]]


def test_a_resumed_run_with_lora_is_the_same_run_finding_W27(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del here
    given = spec({"epochs": 4}, head=LORA)
    whole = run(given, "whole")

    def interrupted(self: Any, epoch: int, logs: Any = None) -> None:
        if epoch == 2:
            raise KeyboardInterrupt
        begin(self, epoch, logs)

    begin = fitting._Keeper.on_epoch_begin
    with monkeypatch.context() as patch:
        patch.setattr(fitting._Keeper, "on_epoch_begin", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(given)
    resumed = run(given, resume=True)
    assert [row.metrics for row in resumed.history] == [row.metrics for row in whole.history]
    adapted = resumed.model.get_layer("adapted")
    assert np.abs(keras.ops.convert_to_numpy(adapted.lora_kernel_b)).max() > 0
    for one, other in zip(resumed.model.variables, whole.model.variables, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other))


def _dense() -> Any:
    layers = [keras.layers.Dense(6, lora_rank=2), keras.layers.Dropout(0.5), keras.layers.BatchNormalization()]
    return keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(2, dtype="bfloat16")])


def _embedding() -> Any:
    attention = keras.layers.MultiHeadAttention(2, 4, dropout=0.1)
    inputs = keras.Input((3,), dtype="int32")
    x = keras.layers.Embedding(9, 8, lora_rank=2)(inputs)
    return keras.Model(inputs, keras.layers.EinsumDense("abc,cd->abd", (None, 5), lora_rank=2)(attention(x, x)))


def _images() -> Any:
    layers = [keras.layers.RandomFlip(), keras.layers.Conv2D(4, 3, lora_rank=2), keras.layers.GaussianNoise(0.1)]
    wrapped = keras.layers.SpectralNormalization(keras.layers.Conv2D(3, 3))
    return keras.Sequential([keras.Input((8, 8, 3)), *layers, wrapped, keras.layers.GlobalAveragePooling2D()])


def _sequence() -> Any:
    inner = keras.Sequential([keras.Input((6, 3)), keras.layers.Normalization(mean=0.5, variance=2.0)])
    layers = [keras.layers.Bidirectional(keras.layers.LSTM(3, recurrent_dropout=0.2)), keras.layers.Dense(2)]
    return keras.Sequential([keras.Input((6, 3)), inner, *layers])


def _adapted() -> Any:
    normalization = keras.layers.Normalization()
    normalization.adapt(np.random.default_rng(0).normal(3, 2, size=(50, 4)))
    return keras.Sequential([keras.Input((4,)), normalization, keras.layers.Dense(3, lora_rank=2)])


@pytest.mark.parametrize("build", [_dense, _embedding, _images, _sequence, _adapted])
def test_every_variable_survives_a_checkpoint_finding_W27(build: Any, tmp_path: Path) -> None:
    model, other = build(), build()
    random = np.random.default_rng(1)
    for variable in model.variables:
        value = random.normal(size=tuple(variable.shape), scale=0.3) + 1
        variable.assign((value * 100 if "seed" in variable.name else value).astype("float32"))
    model.save_weights(tmp_path / "model.weights.h5")
    arrays = unsaved_variables(model)
    np.savez(tmp_path / "arrays.npz", allow_pickle=False, **arrays)
    other.load_weights(tmp_path / "model.weights.h5")
    with np.load(tmp_path / "arrays.npz") as stored:
        restore_unsaved(other, {name: stored[name] for name in stored.files})
    for one, two in zip(model.variables, other.variables, strict=True):
        left, right = (np.asarray(keras.ops.convert_to_numpy(each)) for each in (one, two))
        assert left.tobytes() == right.tobytes(), one.path


def test_the_plan_shows_the_phases_finding_N7(here: Path) -> None:
    del here
    planned = plan_spec(spec({"freeze": "base"}, {"freeze": "head"}, {}), base=base(), allow_code=True)
    text = plan_text(planned)
    for line in (
        "Phase phase_0: 2 epochs; 15 train, 24 are frozen.",
        "Phase phase_1: 2 epochs; 24 train, 15 are frozen.",
        "Phase phase_2: 2 epochs; 39 train, 0 are frozen.",
    ):
        assert line in text
    assert "Parameters: 24 → 39.\n" in text
    assert "| Frozen in phase_1 (2 epochs) | 0 | 15 |" in plan_as(planned, "markdown")
    phases = json.loads(plan_as(planned, "json"))["phases"]
    assert phases[0] == {"name": "phase_0", "epochs": 2, "parameters": {"trained": 15, "frozen": 24}}


def test_what_the_plan_says_trains_is_what_trains_finding_N7(here: Path) -> None:
    del here
    seen: list[int] = []
    normalized = keras.Sequential([keras.Input((5,)), keras.layers.BatchNormalization(), keras.layers.Dense(4)])
    normalized.layers[1].trainable = False  # a phase may thaw it
    phases = ({"freeze": "base"}, {"freeze": {"batch_norm": "all"}}, {"freeze": {"layers": "head"}})
    watcher = Watcher(verbose=0, phase=lambda phase, count: seen.append(count))
    planned = plan_spec(spec(*phases), base=normalized, allow_code=True)
    run(spec(*phases), base=normalized, watcher=watcher)
    assert [phase.num_trained for phase in planned.phases] == seen


def test_a_line_says_what_is_missing_finding_N15(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    base().save(here / "base.keras")
    (here / "spec.yaml").write_text(json.dumps(spec(base={"file": "base.keras"})))
    find = importlib.util.find_spec
    absent = ("matplotlib", "tensorboard")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else find(name))
    result = CliRunner().invoke(cli, ["train", "spec.yaml", "-o", "run", "--allow-code", "-q"])
    assert result.exit_code == 0
    assert "no curves were drawn: matplotlib is not installed (`pip install matplotlib`)" in result.stderr
    assert "no logs were written: TensorBoard is not installed (`pip install tensorboard`)" in result.stderr


def test_what_keras_has_and_a_spec_cannot_say_finding_N11() -> None:
    """Each class of Keras's namespaces is in the catalogue, or has a reason and a way out."""
    spaces: dict[ObjectKind, Any] = {
        "optimizer": keras.optimizers,
        "loss": keras.losses,
        "metric": keras.metrics,
        "callback": keras.callbacks,
    }
    missing = set()
    for kind, space in spaces.items():
        known = catalogue.catalogue()["losses" if kind == "loss" else f"{kind}s"]
        classes = [name for name, each in vars(space).items() if inspect.isclass(each)]
        missing |= {(kind, name) for name in classes if name not in known}
    assert missing == set(NOT_WRITTEN)
    for kind, name in NOT_WRITTEN:
        with pytest.raises(SpecError, match=f"`{name}` cannot stand in a spec: ") as caught:
            KerasObject.parse(kind, name)
        assert caught.value.diagnostics[0].help
