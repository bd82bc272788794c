"""Layers that learn at rates of their own: one step of each variable against gradients taken by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from spec_compiler import check_spec, compile_spec, plan_spec
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


def base() -> Any:
    """A nested model, a block of two branches with a normalization, a layer that is called twice."""
    inside = keras.Input((8, 8, 2))
    kernel = keras.layers.Conv2D(3, 3, name="kernel")(inside)
    inner = keras.Model(inside, keras.layers.Conv2D(3, 1, name="point")(kernel), name="stem")
    inputs = keras.Input((8, 8, 2), name="image")
    x = inner(inputs)
    left = keras.layers.Conv2D(4, 3, padding="same", activation="tanh", name="left_1")(x)
    left = keras.layers.BatchNormalization(name="left_bn")(left)
    left = keras.layers.Conv2D(4, 3, padding="same", name="left_2")(left)
    right = keras.layers.Conv2D(4, 1, name="right")(x)
    x = keras.layers.Add(name="join")([left, right])
    twice = keras.layers.Conv2D(4, 1, activation="tanh", name="twice")
    x = twice(twice(x))
    return randomized(keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="pool")(x), name="base"))


def spec(*phases: dict[str, Any], **compile: Any) -> dict[str, Any]:
    return {
        "spec": 1,
        "head": [{"Dense": {"units": 3, "activation": "softmax", "name": "answer"}}],
        "data": {"train": "my_rates_data:train", "validation": "my_rates_data:held", "batch_size": 12},
        "compile": {
            "optimizer": {"SGD": {"learning_rate": 0.25}},
            "loss": "categorical_crossentropy",
            "jit_compile": False,
            **compile,
        },
        "train": [{"phase": f"phase_{at}", "epochs": 1, **phase} for at, phase in enumerate(phases or ({},))],
    }


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_rates_data.py").write_text(DATA)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(given: dict[str, Any], folder: str = "run", **options: Any) -> TrainedSpec:
    options = {"watcher": Watcher(verbose=0), "base": base()} | options
    return train_spec(given, folder, allow_code=True, tensorboard=False, **options)


def data() -> tuple[Any, Any]:
    space: dict[str, Any] = {}
    exec(DATA, space)
    return space["x"], space["y"]


def values(model: Any) -> dict[str, Any]:
    return {each.path: np.array(each) for each in model.weights}


def by_hand(trained: TrainedSpec) -> tuple[dict[str, Any], dict[str, Any]]:
    """The weights before the one step of a run, and the gradients of its loss there."""
    fresh = keras.models.clone_model(trained.model)
    start = {each.path: np.array(each) for each in base().weights}
    seeded = train_start(trained)
    for each in fresh.weights:
        each.assign(start.get(each.path, seeded.get(each.path)))
    fresh.trainable = False
    fresh.trainable = True
    x, y = data()
    with tf.GradientTape() as tape:
        loss = keras.ops.mean(keras.losses.categorical_crossentropy(y, fresh(x, training=True)))
    gradients = tape.gradient(loss, [each.value for each in fresh.trainable_variables])
    paths = [each.path for each in fresh.trainable_variables]
    before = {each.path: start.get(each.path, seeded.get(each.path)) for each in fresh.weights}
    return before, dict(zip(paths, map(np.array, gradients), strict=True))


def train_start(trained: TrainedSpec) -> dict[str, Any]:
    """What the new layers begin with, which the seed says."""
    from spec_compiler import compile_spec

    plain = {key: value for key, value in trained.compiled.spec.source.data.items() if key in ("spec", "head")}
    return values(compile_spec(plain, base=base()).model)


def moved(trained: TrainedSpec) -> dict[str, float]:
    """For each trained variable what its gradient was multiplied by, proven to be one number for all of it."""
    before, gradients = by_hand(trained)
    after = values(trained.model)
    times = {}
    for path, gradient in gradients.items():
        change = before[path] - after[path]
        times[path] = float((change * gradient).sum() / (gradient**2).sum())
        np.testing.assert_allclose(change, times[path] * gradient, atol=2e-6)
    return times


def test_each_variable_moves_by_its_own_rate_times_its_gradient(here: Path) -> None:
    del here
    rates = [
        {"layers": "stem/point", "times": 0.5},
        {"layers": ["left_1..left_2"], "times": 0.25},
        {"layers": "twice", "times": 2},
        {"layers": "head", "times": 8},
    ]
    trained = run(spec({"freeze": "right"}, learning_rates=rates))
    times = {
        "kernel": 1,
        "point": 0.5,
        "left_1": 0.25,
        "left_bn": 0.25,
        "left_2": 0.25,
        "right": 0,
        "twice": 2,
        "answer": 8,
    }
    found = moved(trained)
    assert len(found) == 16
    for path, each in found.items():
        assert each == pytest.approx(0.25 * times[path.split("/")[-2]], rel=2e-2), path
    for name in ("right/kernel", "right/bias"):
        assert np.array_equal(values(trained.model)[name], {each.path: np.array(each) for each in base().weights}[name])
    assert float(trained.model.optimizer.learning_rate) == 0.25
    assert trained.history.rows[0].learning_rate == 0.25


def test_decay_by_depth_counts_along_the_longest_way(here: Path) -> None:
    """Both branches end at one depth, the normalization is as deep as what it reads, the second call counts as well."""
    del here
    trained = run(spec(decay_by_depth=0.5))
    depths = {
        "answer": 0,
        "twice": 2,  # its first call: the second and the answer follow
        "left_2": 3,
        "right": 3,
        "left_bn": 4,
        "left_1": 4,
        "point": 5,
        "kernel": 6,
    }
    for path, each in moved(trained).items():
        layer = path.split("/")[-2]
        assert each == pytest.approx(0.25 * 0.5 ** depths[layer], rel=2e-2), path


def test_weight_decay_leaves_out_what_it_is_told_to(here: Path) -> None:
    """`w - rate·decay·w - rate·gradient` as Keras has it, less the middle for what is left out."""
    del here
    trained = run(
        spec(
            optimizer={"SGD": {"learning_rate": 0.25, "weight_decay": 0.125}},
            no_weight_decay=["biases", "normalization", "stem/point"],
            learning_rates=[{"layers": "head", "times": 2}],
        )
    )
    before, gradients = by_hand(trained)
    after = values(trained.model)
    for path, gradient in gradients.items():
        layer, name = path.split("/")[-2:]
        step = 0.25 * (2 if layer == "answer" else 1)
        spared = name == "bias" or layer in ("left_bn", "point")
        kept = before[path] * (1 if spared else 1 - step * 0.125)
        np.testing.assert_allclose(after[path], kept - step * gradient, atol=2e-6, err_msg=path)


@pytest.mark.skipif(not hasattr(keras.optimizers, "MultiOptimizer"), reason="from Keras 3.15 on")
@pytest.mark.parametrize("optimizer", ["AdamW", pytest.param("Nadam", marks=pytest.mark.slow)])
def test_as_keras_does_with_an_optimizer_for_each_group(optimizer: str, here: Path) -> None:
    """Several steps, with the moments of each variable and its weight decay."""
    del here
    arguments = {"learning_rate": 0.01, "weight_decay": 0.5}
    given = spec({"epochs": 3}, optimizer={optimizer: arguments}, learning_rates=[{"layers": "head", "times": 4}])
    trained = run(given)
    plain = keras.models.clone_model(trained.model)
    start = {each.path: np.array(each) for each in base().weights} | train_start(trained)
    for each in plain.weights:
        each.assign(start[each.path])
    kind = getattr(keras.optimizers, optimizer)
    groups = keras.optimizers.OptimizerMap(kind(**arguments))
    groups["answer/.*"] = kind(**arguments | {"learning_rate": 0.04})
    plain.compile(keras.optimizers.MultiOptimizer(groups), loss="categorical_crossentropy", jit_compile=False)
    x, y = data()
    plain.fit(x, y, batch_size=12, epochs=3, shuffle=False, verbose=0)
    for one, other in zip(trained.model.trainable_variables, plain.trainable_variables, strict=True):
        np.testing.assert_allclose(np.array(one), np.array(other), atol=1e-4, err_msg=one.path)


def test_the_file_is_plain_keras(here: Path) -> None:
    """The optimizer in it is Keras's own with its state, and trains on at its one rate."""
    run(spec(optimizer="adam", learning_rates=[{"layers": "head", "times": 4}]))
    model = keras.saving.load_model(here / "run" / "last.keras")
    assert type(model.optimizer) is keras.optimizers.Adam
    assert int(model.optimizer.iterations) == 1
    model.fit(*data(), epochs=1, verbose=0)


def test_the_plan_counts_as_keras_does(here: Path) -> None:
    del here
    given = spec(
        {"freeze": {"layers": "base", "batch_norm": "all"}},
        {"freeze": {"batch_norm": "all"}},
        learning_rates=[{"layers": "stem", "times": 0.1}],
    )
    trained = run(given)
    plan = plan_spec(given, base=base(), allow_code=True)
    assert [each.times for each in plan.phases[0].groups] == [1.0]
    counts = {each.times: (each.num_variables, each.num_parameters) for each in plan.phases[1].groups}
    variables = trained.model.trainable_variables
    slow = [each for each in variables if each.path.startswith(("stem", "kernel", "point"))]
    assert counts[0.1] == (len(slow), sum(int(np.prod(each.shape)) for each in slow))
    assert sum(each for each, _ in counts.values()) == len(variables)
    assert sum(each for _, each in counts.values()) == sum(int(np.prod(each.shape)) for each in variables)


@pytest.mark.parametrize(
    ("compile", "code", "path", "message"),
    [
        (
            {"learning_rates": [{"layers": "nothing", "times": 2}]},
            "SC201",
            ("compile", "learning_rates", 0, "layers"),
            None,
        ),
        (
            {"learning_rates": [{"layers": "left*", "times": 2}, {"layers": "left_2..twice", "times": 3}]},
            "SC108",
            ("compile", "learning_rates", 1, "layers"),
            "`left_2` is in two entries, `left*` and `left_2..twice`",
        ),
        (
            {"learning_rates": [{"layers": "pool", "times": 2}]},
            "SC310",
            ("compile", "learning_rates", 0, "layers"),
            "no layer that `pool` matches has weights",
        ),
        (
            {"learning_rates": [{"layers": "stem", "times": 2}]},
            "SC310",
            ("compile", "learning_rates", 0, "layers"),
            "no phase trains a weight of what `stem` matches",
        ),
        (
            {"learning_rates": [{"layers": "stem", "times": 2}], "decay_by_depth": 0.5},
            "SC108",
            ("compile", "decay_by_depth"),
            "`learning_rates` and `decay_by_depth` exclude each other",
        ),
        (
            {"no_weight_decay": ["biases"]},
            "SC310",
            ("compile", "no_weight_decay"),
            "`no_weight_decay` leaves variables out of a weight decay that `SGD` does not have",
        ),
        (
            {"optimizer": "AdamW", "no_weight_decay": ["biases", "normalization", "left_bn"]},
            "SC310",
            ("compile", "no_weight_decay", 2),
            "no phase trains a weight of what `left_bn` matches",
        ),
        (
            {"optimizer": "AdamW", "no_weight_decay": ["bias"]},
            "SC201",
            ("compile", "no_weight_decay", 0),
            None,
        ),
    ],
)
def test_what_is_wrong(compile: dict[str, Any], code: str, path: Any, message: str | None, here: Path) -> None:
    del here
    given = spec({"freeze": "..left_bn" if "times" in str(compile) else "left_bn"}, **compile)
    (found,) = check_spec(given, base=base(), allow_code=True)
    assert (found.code, found.path) == (code, path)
    assert message is None or found.message == message


@pytest.mark.parametrize(
    ("said", "faster"),
    [({"layers": "answer", "times": 3.0}, {"answer"}), ({"layers": "stem", "times": 16.0}, {"kernel", "point"})],
)
def test_a_model_that_a_spec_only_compiles_learns_at_them_too(said: dict[str, Any], faster: set[str]) -> None:
    """The same step from the same weights, with and without the rates of a layer."""
    given = {"spec": 1, "head": spec()["head"], "seed": 4}
    compiling = {"optimizer": {"SGD": {"learning_rate": 0.25}}, "loss": "categorical_crossentropy"}
    pixels, answers = data()
    moved: list[dict[str, Any]] = []
    for more in ({}, {"learning_rates": [said]}):
        model = compile_spec(given | {"compile": compiling | more}, base=base()).model
        before = {each.path: np.array(each) for each in model.trainable_weights}
        model.train_on_batch(pixels, answers)
        moved.append({each.path: np.array(each) - before[each.path] for each in model.trainable_weights})
    for (path, plain), other in zip(moved[0].items(), moved[1].values(), strict=True):
        factor = said["times"] if path.split("/")[-2] in faster else 1.0
        np.testing.assert_allclose(other, plain * factor, rtol=1e-2, atol=1e-6)
    assert all(np.abs(each).max() > 1e-5 for path, each in moved[1].items() if path.split("/")[-2] in faster)
