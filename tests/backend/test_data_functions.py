"""What a user's data function may return, against plain Keras on the same arrays; every misfit told before an epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError
from spec_compiler.diagnostics import Diagnostic, render
from spec_compiler.result import TrainedSpec
from spec_compiler.trainer import train_spec
from spec_compiler.training.watcher import Watcher
from tests.backend.conftest import randomized

SPEC = """
spec: 1
head:
  - {Dense: {units: 3, activation: softmax, name: kind}, from: body}
  - {Dense: {units: 3, activation: softmax, name: color}, from: body}
outputs: {zkind: kind, acolor: color}
data: {train: "my_data:train", validation: "my_data:held", batch_size: 4}
compile: {optimizer: {SGD: 0.1}, loss: categorical_crossentropy, metrics: [accuracy, AUC], jit_compile: false}
train: [{phase: one, epochs: 1}]
"""
ONE = """
spec: 1
head: [{Dense: {units: 3, activation: softmax, name: kind}}]
data: {train: "my_data:train", batch_size: 4}
compile: {optimizer: {SGD: 0.1}, loss: categorical_crossentropy, jit_compile: false}
train: [{phase: one, epochs: 1}]
"""
ARRAYS = """
import numpy as np
import keras
random = np.random.default_rng(3)
x = random.normal(size=(8, 5)).astype("float32")
kinds, colors = (np.eye(3, dtype="float32")[random.integers(0, 3, 8)] for _ in range(2))
weights = np.arange(8, dtype="float32")
def held(): return x[:4], {"zkind": kinds[:4], "acolor": colors[:4]}
"""


def base() -> Any:
    inputs = keras.Input((5,), name="numbers")
    return randomized(keras.Model(inputs, keras.layers.Dense(4, name="body")(inputs), name="base"))


def two_inputs() -> Any:
    inputs = [keras.Input((5,), name="first"), keras.Input((5,), name="second")]
    body = keras.layers.Dense(4, name="body")(keras.layers.Concatenate()(inputs))
    return randomized(keras.Model(inputs, body, name="base"))


def run(folder: Path, text: str, function: str, model: Any = None, **options: Any) -> TrainedSpec:
    folder = folder / str(len(list(folder.iterdir())))  # of its own, as Python knows a module by its name
    folder.mkdir()
    (folder / "my_data.py").write_text(ARRAYS + function)
    (folder / "spec.yaml").write_text(text)
    options = {
        "base": model or base(),
        "allow_code": True,
        "tensorboard": False,
        "watcher": Watcher(verbose=0),
    } | options
    return train_spec(str(folder / "spec.yaml"), str(folder / "run"), **options)


def error(folder: Path, text: str, function: str, model: Any = None) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        run(folder, text, function, model)
    assert not [*folder.rglob("history.csv")]
    (found,) = caught.value.diagnostics
    assert found.line is not None
    return found


def losses_by_hand(trained: TrainedSpec, weights: Any = None) -> dict[str, float]:
    """The losses on the data to validate, by Keras's own functions on what the trained model puts out."""
    space: dict[str, Any] = {}
    exec(ARRAYS, space)
    out = trained.model.predict(space["x"][:4], verbose=0)
    loss = keras.losses.CategoricalCrossentropy()
    return {name: float(loss(y[:4], out[name])) for name, y in (("zkind", space["kinds"]), ("acolor", space["colors"]))}


@pytest.mark.parametrize("weights", ["", ", weights", ", {'zkind': weights, 'acolor': weights}"])
def test_targets_by_name_finding_W11(weights: str, tmp_path: Path) -> None:
    trained = run(tmp_path, SPEC, f"def train(): return x, {{'zkind': kinds, 'acolor': colors}}{weights}")
    row = trained.history.rows[0].metrics
    by_hand = losses_by_hand(trained)
    for name in ("zkind", "acolor"):
        assert row[f"val_{name}_loss"] == pytest.approx(by_hand[name], rel=1e-5)
        assert {f"{name}_accuracy", f"{name}_auc", f"val_{name}_auc"} <= row.keys()
    assert row["val_loss"] == pytest.approx(sum(by_hand.values()), rel=1e-5)


def test_weights_weigh_as_in_keras_finding_W11(tmp_path: Path) -> None:
    trained = run(tmp_path, ONE, "def train(): return x, kinds, weights")
    space: dict[str, Any] = {}
    exec(ARRAYS, space)
    model = keras.Sequential([base(), keras.layers.Dense(3, activation="softmax")])
    model.build((None, 5))
    first = run(tmp_path, ONE.replace("SGD: 0.1", "SGD: 0.0"), "def train(): return x, kinds, weights")
    model.set_weights(first.model.get_weights())
    model.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy", jit_compile=False)
    order = np.arange(8)
    np.random.default_rng([0, 0]).shuffle(order)
    for at in (order[:4], order[4:]):
        model.train_on_batch(space["x"][at], space["kinds"][at], space["weights"][at])
    for ours, theirs in zip(trained.model.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "given",
    ["(x, -x), kinds", "[x, -x], kinds", "{'second': -x, 'first': x}, kinds", "(x, -x), {'kind': kinds}, weights"],
)
def test_several_inputs_finding_W11(given: str, tmp_path: Path) -> None:
    assert len(run(tmp_path, ONE, f"def train(): return {given}", two_inputs()).history) == 1


def test_a_list_of_samples_is_one_array_where_the_model_has_one_input(tmp_path: Path) -> None:
    assert len(run(tmp_path, ONE, "def train(): return [each for each in x], [each for each in kinds]").history) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("x, {'zkind': kinds}", "no target for `acolor`"),
        ("x, {'zkind': kinds, 'acolour': colors, 'acolor': colors}", "targets for `acolour`"),
        ("x, (kinds, colors)", "targets without names"),
        ("x, {'zkind': kinds, 'acolor': colors[:, :2]}", "targets of shape (None, 2) for `acolor`"),
        ("x, {'zkind': kinds, 'acolor': colors[:3]}", "8 inputs and 3 targets for `acolor`"),
        ("x, {'zkind': kinds, 'acolor': colors}, weights[:2]", "8 inputs and 2 weights for `acolor`"),
        ("x, {'zkind': kinds, 'acolor': colors}, {'zkind': weights}", "no weight for `acolor`"),
        ("x[:, :4], {'zkind': kinds, 'acolor': colors}", "inputs of shape (None, 4), `numbers` takes (None, 5)"),
        ("{'number': x}, {'zkind': kinds, 'acolor': colors}", "no input for `numbers`"),
        ("(x, x), {'zkind': kinds, 'acolor': colors}", "8"),
        ("x", "an array of shape (8, 5) without targets"),
        ("None", "nothing"),
        ("(x,)", "1 things"),
        ("[[1.0], [2.0, 3.0]], {'zkind': kinds, 'acolor': colors}", "inputs that are no array"),
    ],
)
def test_what_does_not_fit_is_told_before_an_epoch_finding_W11(given: str, message: str, tmp_path: Path) -> None:
    found = error(tmp_path, SPEC, f"def train(): return {given}")
    assert (found.code, found.line) == ("SC606", 7)
    assert message in found.message
    assert found.message.startswith("`train` gives ")


def test_labels_that_the_loss_does_not_take(tmp_path: Path) -> None:
    found = error(tmp_path, ONE, "def train(): return x, kinds.argmax(1)")
    assert found.help == "write `loss: sparse_categorical_crossentropy`, or give one-hot rows"
    sparse = ONE.replace("loss: cat", "loss: sparse_cat")
    assert "class alone" in (error(tmp_path, sparse, "def train(): return x, kinds").help or "")
    assert (
        "from 1 to 3"
        in error(tmp_path, sparse, "def train(): return x, kinds.argmax(1) * 0 + [1,2,3,1,2,3,1,2]").message
    )
    assert len(run(tmp_path, sparse, "def train(): return x, kinds.argmax(1)").history) == 1


def test_datasets_are_compared_with_the_model_before_an_epoch(tmp_path: Path) -> None:
    import tensorflow as tf

    assert tf
    single = "import tensorflow as tf\ndef train(): return tf.data.Dataset.from_tensor_slices((x, kinds))"
    assert error(tmp_path, ONE, single).help == "the dataset gives single samples: add `.batch(32)`"
    assert "shape (None, 2)" in error(tmp_path, ONE, single.replace("kinds)", "kinds[:, :2])") + ".batch(4)").message
    assert len(run(tmp_path, ONE, single + ".batch(4)").history) == 1


@pytest.mark.parametrize("given", ["x, kinds, weights", "x, kinds, weights[:, None]"])
@pytest.mark.parametrize("batches", [False, True])
def test_classes_weigh_beside_weights_of_any_form(given: str, batches: bool, tmp_path: Path) -> None:
    """As the product of both in plain Keras."""
    spec = ONE.replace("batch_size: 4", "batch_size: 8, class_weight: {0: 2.5, 2: 0.5}") + "fit: {steps_per_epoch: 1}"
    function = f"def train():\n  while True: yield {given}" if batches else f"def train(): return {given}"
    before, trained = (run(tmp_path, text, function) for text in (spec.replace("SGD: 0.1", "SGD: 0.0"), spec))
    space: dict[str, Any] = {}
    exec(ARRAYS, space)
    factors = np.asarray([2.5, 1, 0.5])[space["kinds"].argmax(-1)]
    model = before.model
    model.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy", jit_compile=False)
    model.train_on_batch(space["x"], space["kinds"], space["weights"] * factors)
    for ours, theirs in zip(trained.model.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


def test_classes_of_steps_in_time_weigh_nothing(tmp_path: Path) -> None:
    inputs = keras.Input((7, 5), name="numbers")
    model = keras.Model(inputs, keras.layers.Dense(4, name="body")(inputs), name="base")
    steps = "(np.zeros((2, 7, 5)), np.ones((2, 7, 3)) / 3)"
    for function in (f"def train(): return {steps}", f"def train():\n  while True: yield {steps}"):
        found = error(tmp_path, ONE.replace("batch_size: 4", "class_weight: {0: 2.5}"), function, model)
        assert (found.code, found.message) == ("SC620", "`kind` tells no classes apart")


ENDLESS = {
    "repeated": """
import tensorflow as tf
def train(): return tf.data.Dataset.from_tensor_slices((x, kinds)).batch(4).repeat()
""",
    "of a generator": """
import tensorflow as tf
def train():
    signature = tf.TensorSpec((None, 5)), tf.TensorSpec((None, 3))
    return tf.data.Dataset.from_generator(lambda: ((x[:4], kinds[:4]) for _ in range(9)), output_signature=signature)
""",
    "without a number": """
class Mine(keras.utils.PyDataset):
    num_batches = None
    def __getitem__(self, index): return x[:4], kinds[:4]
def train(): return Mine()
""",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_batches_that_nobody_has_counted(name: str, tmp_path: Path) -> None:
    trained = run(tmp_path, ONE, ENDLESS[name], overrides=["fit.steps_per_epoch=3"])
    assert int(trained.model.optimizer.iterations) == 3


BATCHES = """
class Mine(keras.utils.PyDataset):
    def __len__(self): return 2
    def __getitem__(self, index):
        if index >= 0: raise KeyError("gone")
        return x[:4], kinds[:4]
def train(): return Mine()
"""
GENERATOR = """
def train():
    for at in (0, 4):
        yield x[at : at + 4], kinds[at : at + 4]
        if at: raise KeyError("gone")
"""


@pytest.mark.parametrize(
    ("function", "line"),
    [
        ("def helper(): return {}['a']\ndef train(): return helper()", "9, `def helper(): return {}['a']`"),
        ("import module_that_is_not_there\ndef train(): pass", "9, `import module_that_is_not_there`"),
        ("def train(: pass", "9, `def train(: pass`"),
        ("import sys\ndef train(): sys.exit(3)", "10, `def train(): sys.exit(3)`"),
        (BATCHES, '13, `if index >= 0: raise KeyError("gone")`'),
    ],
)
def test_an_error_in_the_users_code_says_where_finding_N10(function: str, line: str, tmp_path: Path) -> None:
    found = error(tmp_path, ONE, function)
    assert found.code == "SC606"
    assert f"= note: at my_data.py:{line}" in render(found)


@pytest.mark.parametrize(("function", "line"), [(GENERATOR, 13), (BATCHES.replace(">= 0", "> 0"), 13)])
def test_an_error_in_the_users_code_while_training_says_where_finding_N10(
    function: str, line: int, tmp_path: Path
) -> None:
    with pytest.raises(SpecError) as caught:
        run(tmp_path, ONE, function)
    (found,) = caught.value.diagnostics
    assert found.code == "SC609"
    assert f"= note: at my_data.py:{line}" in render(found)
    assert "gone" in render(found)
