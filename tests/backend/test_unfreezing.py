"""`unfreeze_every`: what trains when, with the optimizer's state kept, and a continued run that is the same run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from spec_compiler import SpecError, check_spec, plan_spec
from spec_compiler.backend.training import fitting, frozen
from spec_compiler.backend.training.carrying import check_carries
from spec_compiler.cli.show import plan_text
from spec_compiler.result import TrainedSpec
from spec_compiler.trainer import train_spec
from spec_compiler.training.watcher import Watcher
from tests.backend.conftest import randomized

DATA = """
import numpy as np
random = np.random.default_rng(3)
x = random.normal(size=(12, 8, 8, 2)).astype("float32")
y = np.eye(3, dtype="float32")[random.integers(0, 3, 12)]
def train(): return x, y
def held(): return x[:6], y[:6]
"""
STAGES = ["answer", "block3_conv", "block2_conv1", "block1_conv"]


def base() -> Any:
    """Three blocks, each ends in a pooling; the second is nested and has two branches."""
    inside = keras.Input((4, 4, 3))
    left = keras.layers.Conv2D(3, 3, padding="same", activation="tanh", name="block2_conv1")(inside)
    right = keras.layers.Conv2D(3, 1, name="block2_conv2")(inside)
    block2 = keras.Model(inside, keras.layers.Add(name="block2_add")([left, right]), name="block2")
    inputs = keras.Input((8, 8, 2), name="image")
    x = keras.layers.Conv2D(3, 3, padding="same", activation="tanh", name="block1_conv")(inputs)
    x = keras.layers.MaxPooling2D(name="block1_pool")(x)
    x = keras.layers.AveragePooling2D(2, name="block2_pool")(block2(x))
    x = keras.layers.Conv2D(4, 1, activation="tanh", name="block3_conv")(x)
    return randomized(keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="pool")(x), name="base"))


def spec(phase: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "spec": 1,
        "head": [{"Dense": {"units": 3, "activation": "softmax", "name": "answer"}}],
        "data": {"train": "my_stages_data:train", "validation": "my_stages_data:held", "batch_size": 4},
        "compile": {
            "optimizer": {"Adam": {"learning_rate": 0.03125}},
            "loss": "categorical_crossentropy",
            "jit_compile": False,
        },
        "train": [{"phase": "tune", "freeze": "base", **phase}],
        **changes,
    }


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_stages_data.py").write_text(DATA)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(given: dict[str, Any], folder: str = "run", **options: Any) -> TrainedSpec:
    options = {"watcher": Watcher(verbose=0), "base": base()} | options
    return train_spec(given, folder, allow_code=True, tensorboard=False, **options)


def values(model: Any) -> dict[str, Any]:
    return {each.path: np.array(each) for each in model.weights}


def test_one_stage_after_the_other_with_one_optimizer(here: Path) -> None:
    """As plain Keras with Adam for all variables, to which what is still frozen gives gradients of zero."""
    unfrozen: list[Any] = []
    given = spec({"epochs": 8, "unfreeze_every": 2, "callbacks": {"ModelCheckpoint": {"filepath": "{epoch:d}.keras"}}})
    given["data"]["batch_size"] = 12
    trained = run(
        given, watcher=Watcher(verbose=0, unfrozen=lambda stage: unfrozen.append((stage.epoch, stage.layers)))
    )
    assert unfrozen == [
        (2, ("block3_conv",)),
        (4, ("block2/block2_conv1", "block2/block2_conv2")),
        (6, ("block1_conv",)),
    ]
    start = {each.path: np.array(each) for each in base().weights}
    epochs = [values(keras.saving.load_model(here / "run" / f"{epoch}.keras")) for epoch in range(1, 9)]
    space: dict[str, Any] = {}
    exec(DATA, space)
    plain = keras.models.clone_model(trained.model)
    plain.trainable = False
    plain.trainable = True
    for each in plain.weights:  # the head as it was before its first step: its seed alone says so
        each.assign(start.get(each.path, _head()[each.path] if each.path not in start else None))
    adam = keras.optimizers.Adam(0.03125)
    adam.build(plain.trainable_variables)
    for epoch in range(8):
        trains = STAGES[: 1 + epoch // 2]
        names = (*trains, "block2_conv2") if "block2_conv1" in trains else trains
        with tf.GradientTape() as tape:
            loss = keras.ops.mean(keras.losses.categorical_crossentropy(space["y"], plain(space["x"], training=True)))
        found = tape.gradient(loss, [each.value for each in plain.trainable_variables])
        before = values(plain)
        pairs = [
            (gradient if any(name in variable.path for name in names) else gradient * 0, variable)
            for gradient, variable in zip(found, plain.trainable_variables, strict=True)
        ]
        adam.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        for path, value in values(plain).items():
            frozen = not any(name in path for name in names)
            assert np.array_equal(epochs[epoch][path], start[path]) if frozen else True, (epoch, path)
            np.testing.assert_allclose(epochs[epoch][path], value, atol=3e-4, err_msg=f"{epoch} {path}")
            assert frozen == np.array_equal(value, before[path]), (epoch, path)
    assert int(trained.model.optimizer.iterations) == 8


def _head() -> dict[str, Any]:
    from spec_compiler import compile_spec

    plain = {key: value for key, value in spec({"epochs": 1}).items() if key in ("spec", "head")}
    return values(compile_spec(plain, base=base()).model)


STOP = {"EarlyStopping": {"patience": 9, "restore_best_weights": True, "monitor": "val_loss"}}
PLATEAU = {"ReduceLROnPlateau": {"patience": 1, "factor": 0.5, "monitor": "val_loss"}}
SWAP = {"SwapEMAWeights": {"swap_on_epoch": True}}
HARD: dict[str, Any] = {
    "averages and accumulation": (
        {"AdamW": {"learning_rate": 0.01, "use_ema": True, "ema_momentum": 0.75, "gradient_accumulation_steps": 2}},
        [PLATEAU],
        {"learning_rates": [{"layers": "head", "times": 2}], "no_weight_decay": "biases"},
        {},
    ),
    "averages that are swapped": (
        {"SGD": {"learning_rate": 0.1, "momentum": 0.5, "use_ema": True, "ema_momentum": 0.5, "global_clipnorm": 0.5}},
        [SWAP],
        {"decay_by_depth": 0.5},
        {},
    ),
    "schedule in mixed precision": (
        {"Adam": {"learning_rate": {"CosineDecay": {"initial_learning_rate": 0.0, "decay_steps": 12, "warmup_steps": 4,
                                                    "warmup_target": 0.05}}}},
        [STOP],
        {},
        {"dtype": "mixed_float16"},
    ),
}  # fmt: skip


QUICK = "averages that are swapped"


@pytest.mark.parametrize("case", [pytest.param(each, marks=() if each == QUICK else pytest.mark.slow) for each in HARD])
@pytest.mark.parametrize("stop", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(
    case: str, stop: int, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the epoch after a stage has come, or in the next one."""
    del here
    optimizer, callbacks, compile, changes = HARD[case]
    given = spec({"epochs": 5, "unfreeze_every": 2, "callbacks": callbacks}, **changes)
    given["compile"] |= {"optimizer": optimizer, **compile}
    whole = run(given, "whole")

    def interrupted(self: Any, batch: int, logs: Any = None) -> None:
        del logs
        if self.job.data.epoch == stop and batch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fitting._Keeper, "on_train_batch_end", interrupted, raising=False)
        with pytest.raises(KeyboardInterrupt):
            run(given, "broken")
    again = run(given, "broken", resume=True)
    assert [row.metrics for row in again.history] == [row.metrics for row in whole.history]
    assert [row.learning_rate for row in again.history] == [row.learning_rate for row in whole.history]
    for one, other in zip(again.model.weights, whole.model.weights, strict=True):
        assert np.array_equal(np.array(one), np.array(other)), one.path
    for one, other in zip(again.model.optimizer.variables, whole.model.optimizer.variables, strict=True):
        assert np.array_equal(np.array(one), np.array(other)), one.path
    best = [values(keras.saving.load_model(Path(run) / "best.keras")) for run in ("whole", "broken")]
    assert all(np.array_equal(best[0][path], best[1][path]) for path in best[0])


def test_variables_of_one_path_stay_apart_as_fewer_are_frozen() -> None:
    """Two layers of one name, one inside of a model: the first is unfrozen and moves, the second stays proven."""
    inside = keras.Input((3,))
    early = keras.Model(inside, keras.layers.Dense(3, name="same")(inside), name="early")
    inputs = keras.Input((3,))
    model = randomized(keras.Model(inputs, keras.layers.Dense(3, name="same")(early(inputs)), name="base"))
    first, second = early.get_layer("same"), model.get_layer("same")
    assert first.kernel.path == second.kernel.path
    first.trainable = second.trainable = False
    before = frozen.checksums(model)
    assert len(before) == 4
    first.trainable = True
    first.kernel.assign(first.kernel + 1)
    assert frozen.proven(model, before, 0, "tune")["parameters"] == 12
    second.kernel.assign(second.kernel + 1)
    with pytest.raises(SpecError, match="`Dense` changes its variables itself"):
        frozen.proven(model, before, 0, "tune")


def test_every_optimizer_of_keras_hands_on_what_it_knows() -> None:
    """After a step with one variable and a hand-over, one with both moves the first as if it had always been so."""
    names = ["SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax", "Adafactor", "Nadam", "Ftrl", "Lion",
             "Lamb", "Muon", "ScheduleFreeAdamW"]  # fmt: skip
    for name in names:
        if hasattr(keras.optimizers, name):
            check_carries(getattr(keras.optimizers, name), ())


def test_the_plan_says_what_is_unfrozen_when(here: Path) -> None:
    del here
    given = spec({"epochs": 6, "unfreeze_every": 2})
    plan = plan_spec(given, base=base(), allow_code=True)
    assert [(each.epoch, each.layers, each.num_trained) for each in plan.phases[0].unfreezes] == [
        (3, ("block3_conv",), 15 + 16),
        (5, ("block2/block2_conv1", "block2/block2_conv2"), 15 + 16 + 84 + 12),
    ]
    assert "from epoch 3  block3_conv" in plan_text(plan)


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        ({"epochs": 2, "unfreeze_every": 2}, "the phase `tune` is over after 2 epochs, before anything is unfrozen"),
        (
            {"epochs": 4, "unfreeze_every": 2, "freeze": None},
            "the phase `tune` freezes nothing that `unfreeze_every` could unfreeze",
        ),
    ],
)
def test_what_unfreezes_nothing(phase: dict[str, Any], message: str, here: Path) -> None:
    del here
    found = check_spec(spec(phase), base=base(), allow_code=True)
    assert ("SC310", ("train", 0, "unfreeze_every"), message) in [
        (each.code, each.path, each.message) for each in found
    ]


def test_moving_averages_end_a_phase_as_keras_does(here: Path) -> None:
    """`fit` puts the averages in place at its end; no epoch of the same run can follow that."""
    del here
    given = spec({"epochs": 2, "freeze": "pool"})
    given["compile"]["optimizer"] = {"SGD": {"learning_rate": 0.25, "use_ema": True, "ema_momentum": 0.5}}
    del given["train"][0]["freeze"]
    given["data"]["batch_size"] = 12
    ends: list[Any] = []
    trained = run(given, watcher=Watcher(verbose=0, ended=ends.append))
    start = {each.path: np.array(each) for each in base().weights} | _head()
    plain = keras.models.clone_model(trained.model)
    for each in plain.weights:
        each.assign(start[each.path] if each.path in start else start[each.path.split("/", 1)[1]])
    plain.compile(keras.optimizers.SGD(0.25, use_ema=True, ema_momentum=0.5), "categorical_crossentropy")
    space: dict[str, Any] = {}
    exec(DATA, space)
    plain.fit(space["x"], space["y"], batch_size=12, epochs=2, shuffle=False, verbose=0)
    for one, other in zip(trained.model.weights, plain.weights, strict=True):
        np.testing.assert_allclose(np.array(one), np.array(other), atol=1e-5, err_msg=one.path)
    assert ends[0]["averaged"] is True
    given["train"][0]["epochs"] = 3
    with pytest.raises(Exception, match="taking the moving averages of its weights"):
        run(given, resume=True)
