"""`lora`: outputs as before, the gradient of the formula, Keras's own `enable_lora`, runs that go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from spec_compiler import SpecError, compile_spec, plan_spec
from spec_compiler.backend.training import fitting
from spec_compiler.cli.show import plan_text
from spec_compiler.trainer import train_spec
from spec_compiler.training.watcher import Watcher
from tests.backend.base_forms import FORMS, compiled, filled
from tests.backend.conftest import outputs_of
from tests.markdown import ROOT, blocks

LORA = {"layers": "all", "rank": 2, "alpha": 6}


def picture_model() -> Any:
    """A layer of every kind that can have LoRA, or holds such layers, but embeddings; and some that cannot."""
    inputs = keras.Input((5, 5, 3), name="image")
    x = layers.Conv2D(8, 2, name="conv")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Reshape((16, 8), name="rows")(x)
    x = layers.MultiHeadAttention(2, 3, name="att")(x, x)
    x = layers.TimeDistributed(layers.Dense(6, name="inner"), name="each")(x)
    x = layers.EinsumDense("abc,cd->abd", (16, 5), bias_axes="d", name="ein")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    return filled(keras.Model(inputs, layers.Dense(4, name="fc")(x), name="pictures"))


def word_model() -> Any:
    inputs = keras.Input((4,), dtype="int32", name="words")
    x = layers.Embedding(9, 5, name="table")(inputs)
    x = layers.Conv1D(6, 2, groups=1, name="conv")(x)
    x = layers.GroupQueryAttention(3, 4, 2, name="att")(x, x)
    return filled(keras.Model(inputs, layers.Dense(3, name="fc")(x), name="words"))


def small_model() -> Any:
    inputs = keras.Input((5,), name="x")
    x = layers.Dense(6, activation="relu", name="fc1")(inputs)
    return filled(keras.Model(inputs, layers.Dense(4, name="fc2")(layers.BatchNormalization(name="norm")(x))))


def rows(count: int = 4) -> Any:
    return np.random.default_rng(5).normal(size=(count, 5)).astype("float32")


def pictures(count: int = 4) -> Any:
    return np.random.default_rng(5).normal(size=(count, 5, 5, 3)).astype("float32")


def words() -> Any:
    return np.random.default_rng(5).integers(0, 9, (3, 4)).astype("int32")


def value(variable: Any) -> Any:
    return np.array(keras.ops.convert_to_numpy(variable))


def learned(model: Any) -> Any:
    """The model with other numbers in its LoRA matrices than those it begins with."""
    random = np.random.default_rng(3)
    for variable in model.variables:
        if "lora_" in variable.name:
            variable.assign(random.normal(size=tuple(variable.shape), scale=0.4))
    return model


@pytest.mark.parametrize("form", FORMS)
def test_outputs_are_as_before_and_the_matrices_can_learn(form: str, tmp_path: Path) -> None:
    base = picture_model()
    result = compiled({"lora": LORA}, base, form, tmp_path)
    np.testing.assert_array_equal(outputs_of(result.model, pictures())[0], outputs_of(base, pictures())[0])
    trained = {each.path.rpartition("/")[2] for each in result.model.trainable_variables}
    assert trained == {"lora_kernel_a", "lora_kernel_b"}
    firsts = [each for each in result.model.trainable_variables if each.name == "lora_kernel_a"]
    assert len(firsts) == 8
    assert all(np.abs(value(each)).max() > 0 for each in firsts)
    num_trained = sum(value(each).size for each in result.model.trainable_variables)
    assert num_trained == result.plan.after.num_parameters - result.plan.num_frozen


def test_the_words_of_a_vocabulary_and_a_grouped_attention() -> None:
    base = word_model()
    result = compile_spec({"spec": 1, "lora": [LORA | {"projections": ["query", "value"]}]}, base=base)
    np.testing.assert_array_equal(outputs_of(result.model, words())[0], outputs_of(base, words())[0])
    paths = [each.path for each in result.model.trainable_variables]
    assert [path for path in paths if path.startswith("att")] == [
        f"att/{part}/lora_kernel_{key}" for part in ("query", "value") for key in "ab"
    ]
    assert "table/lora_embeddings_b" in paths


def test_a_step_is_that_of_the_formula_by_hand() -> None:
    """x·(W + alpha/rank·A·B), its gradients worked out with NumPy."""
    inputs = keras.Input((5,), name="x")
    base = filled(keras.Model(inputs, layers.Dense(4, name="fc")(inputs)))
    model = learned(compile_spec({"spec": 1, "lora": {"layers": "fc", "rank": 3, "alpha": 7}}, base=base).model)
    dense = model.get_layer("fc")
    kernel, bias = (value(each) for each in base.get_layer("fc").weights)
    a, b = value(dense.lora_kernel_a).astype("float64"), value(dense.lora_kernel_b).astype("float64")
    random = np.random.default_rng(1)
    x, target = random.normal(size=(6, 5)), random.normal(size=(6, 4))
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", jit_compile=False)
    predicted = x @ (kernel + 7 / 3 * a @ b) + bias
    np.testing.assert_allclose(outputs_of(model, x.astype("float32"))[0], predicted, rtol=1e-4, atol=1e-5)
    model.fit(x.astype("float32"), target.astype("float32"), batch_size=6, verbose=0)
    slope = 2 * (predicted - target) / target.size
    of_kernel = x.T @ slope
    np.testing.assert_allclose(value(dense.lora_kernel_a), a - 0.1 * 7 / 3 * of_kernel @ b.T, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(value(dense.lora_kernel_b), b - 0.1 * 7 / 3 * a.T @ of_kernel, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(value(dense._kernel), kernel)
    np.testing.assert_array_equal(value(dense.bias), bias)


def test_training_is_that_of_enable_lora(tmp_path: Path) -> None:
    base = small_model()
    base.save(tmp_path / "base.keras")
    spec = {"spec": 1, "lora": {**LORA, "bias": "train"}}
    result = compile_spec(spec, base=base).model
    plain = keras.saving.load_model(tmp_path / "base.keras")
    for each in plain._flatten_layers(include_self=False):
        if hasattr(each, "enable_lora"):
            each.enable_lora(2, lora_alpha=6)
    plain.get_layer("norm").trainable = False
    ours = {each.path: each for each in result.trainable_variables}
    assert ours.keys() == {each.path for each in plain.trainable_variables}
    for each in plain.trainable_variables:
        each.assign(value(ours[each.path]))
    random = np.random.default_rng(2)
    for model in (result, plain):
        model.compile(optimizer=keras.optimizers.Adam(0.05), loss="mse", jit_compile=False)
    target = random.normal(size=(4, 4)).astype("float32")
    for model in (result, plain):
        model.fit(rows(), target, batch_size=2, epochs=3, shuffle=False, verbose=0)
    theirs = {each.path: value(each) for each in plain.variables}
    for each in result.variables:
        np.testing.assert_array_equal(value(each), theirs[each.path], err_msg=each.path)
    assert np.abs(value(result.get_layer("fc1").lora_kernel_b)).max() > 0.01


KINDS: dict[str, dict[str, Any]] = {
    "mixed precision": {"dtype": "mixed_float16"},
    "pruned first": {"prune": {"layers": "conv", "keep": 0.5}},
    "folded first": {"fold": "batch_norm"},
    "steps": {"steps": [{"cut_at": "pool"}, {"lora": LORA}, {"head": {"Dense": {"units": 2, "name": "more"}}}]},
    "renamed": {"rename": {"conv": "stem"}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_with_what_comes_before_it(kind: str) -> None:
    base, rest = picture_model(), KINDS[kind]
    spec = rest if "steps" in rest else {**rest, "lora": LORA}
    plain = {"steps": [each for each in rest["steps"] if "lora" not in each]} if "steps" in rest else rest
    with_lora = compile_spec({"spec": 1, **spec}, base=base, prove=True)
    without = compile_spec({"spec": 1, **plain}, base=base)
    ours, theirs = (outputs_of(each.model, pictures())[0] for each in (with_lora, without))
    np.testing.assert_array_equal(ours, theirs)
    assert any("lora_" in each.path for each in with_lora.model.trainable_variables)
    assert with_lora.weights.proof is not None
    if kind == "renamed":
        assert with_lora.weights.proof.layers == len(base.layers) - 1


def test_nested_shared_and_several_bases() -> None:
    tower = keras.Sequential([keras.Input((5,)), layers.Dense(4, name="in"), layers.ReLU(name="act")], name="tower")
    left, right = keras.Input((5,), name="left"), keras.Input((5,), name="right")
    joined = layers.Dense(2, name="end")(layers.Add(name="sum")([tower(left), tower(right)]))
    base = filled(keras.Model([left, right], joined))
    result = compile_spec({"spec": 1, "lora": {"layers": "tower/in", "rank": 2}}, base=base, prove=True)
    x = [np.random.default_rng(at).normal(size=(3, 5)).astype("float32") for at in (1, 2)]
    np.testing.assert_array_equal(outputs_of(result.model, x)[0], outputs_of(base, x)[0])
    assert len(result.model.trainable_variables) == 2


def test_a_base_that_has_lora_in_an_attention_and_another_alpha_finding_F8() -> None:
    base = learned(compile_spec({"spec": 1, "lora": LORA}, base=picture_model()).model)
    again = compile_spec({"spec": 1}, base=base, prove=True)
    np.testing.assert_array_equal(outputs_of(again.model, pictures())[0], outputs_of(base, pictures())[0])
    ours, theirs = ([each.path for each in model.trainable_variables] for model in (again.model, base))
    assert ours == theirs
    assert again.model.get_layer("fc").lora_alpha == 6  # which `Dense.build` of Keras forgets


DATA = """
import numpy as np
random = np.random.default_rng(3)
x = random.normal(size=(8, 5)).astype("float32")
y = np.eye(3, dtype="float32")[random.integers(0, 3, 8)]
def train(): return x, y
"""


def run_spec(*phases: dict[str, Any], **lora: Any) -> dict[str, Any]:
    return {
        "spec": 1,
        "lora": LORA | lora,
        "head": {"Dense": {"units": 3, "activation": "softmax", "name": "answer"}},
        "data": {"train": "my_lora_data:train", "batch_size": 4},
        "compile": {"optimizer": {"Adam": 0.05}, "loss": "categorical_crossentropy", "jit_compile": False},
        "train": [{"phase": f"p{at}", "epochs": 2, **each} for at, each in enumerate(phases)],
    }


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_lora_data.py").write_text(DATA)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(spec: dict[str, Any], folder: str, **options: Any) -> Any:
    options |= {"watcher": Watcher(verbose=0), "base": small_model(), "tensorboard": False, "allow_code": True}
    return train_spec(spec, folder, **options)


def test_a_resumed_run_is_the_same_run_through_phases(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del here
    spec = run_spec({"freeze": "base", "epochs": 1}, {"unfreeze": "norm"})
    whole = run(spec, "whole")

    def interrupted(self: Any, epoch: int, logs: Any = None) -> None:
        if epoch == 2:
            raise KeyboardInterrupt
        begin(self, epoch, logs)

    begin = fitting._Keeper.on_epoch_begin
    with monkeypatch.context() as patch:
        patch.setattr(fitting._Keeper, "on_epoch_begin", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(spec, "run")
    resumed = run(spec, "run", resume=True)
    assert [row.metrics for row in resumed.history] == [row.metrics for row in whole.history]
    first = {each.path: value(each) for each in small_model().variables}
    for one, other in zip(resumed.model.variables, whole.model.variables, strict=True):
        np.testing.assert_array_equal(value(one), value(other))
        if one.path in first and not one.path.startswith("norm"):  # kernels and biases, whatever phases unfroze
            np.testing.assert_array_equal(value(one), first[one.path], err_msg=one.path)
    assert np.abs(value(whole.model.get_layer("fc1").lora_kernel_b)).max() > 0.01
    trained = [int(each.num_trained) for each in whole.compiled.plan.phases]
    assert trained[0] == 15  # the head alone
    assert trained[1] == 15 + 2 * (5 + 6) + 2 * (6 + 4) + 12  # the matrices, gamma and beta as well


def test_what_keras_loads_of_a_run_puts_out_the_same(here: Path) -> None:
    trained = run(run_spec({}), "run")
    with pytest.warns(UserWarning, match="Skipping variable loading for optimizer"):  # frozen biases, see docs/lora.md
        loaded = keras.saving.load_model(here / "run" / "last.keras")
    ours, theirs = outputs_of(trained.model, rows())[0], outputs_of(loaded, rows())[0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


def test_the_plan_says_what_trains_and_what_stays() -> None:
    plan = plan_spec({"spec": 1, "lora": LORA, "head": {"Dense": {"units": 2, "name": "more"}}}, base=picture_model())
    text = plan_text(plan)
    for line in (
        "LoRA none → rank 2, alpha 6 in query, key, value, attention_output",
        "of all train.",
        "Left by `lora`: norm: a `BatchNormalization` has none in Keras.",
        "Left by `lora`: more: it is new, with no weights of the base to stay beside.",
    ):
        assert line in text


def test_what_cannot_have_it_says_why() -> None:
    inputs = keras.Input((5,), name="x")
    base = keras.Model(inputs, layers.Dense(4, name="fc", kernel_constraint="non_neg")(inputs))
    with pytest.raises(SpecError, match="`kernel_constraint`"):
        compile_spec({"spec": 1, "lora": {"layers": "fc", "rank": 2}}, base=base)


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_a_quantized_layer(mode: str) -> None:
    inputs = keras.Input((6,), name="x")
    base = filled(keras.Model(inputs, layers.Dense(4, name="fc")(inputs)))
    base.get_layer("fc").quantize(mode)
    x = np.random.default_rng(1).normal(size=(3, 6)).astype("float32")
    result = compile_spec({"spec": 1, "lora": {"layers": "fc", "rank": 2}}, base=base)
    np.testing.assert_array_equal(outputs_of(result.model, x)[0], outputs_of(base, x)[0])
    assert [each.name for each in result.model.trainable_variables] == ["lora_kernel_a", "lora_kernel_b"]


def test_the_spec_of_the_page_trains_little() -> None:
    text, _ = blocks(ROOT / "docs" / "lora.md", "yaml")
    plan = plan_spec(text)
    assert "beside the kernels of 34 layers; 3.4 % of all train" in plan_text(plan)


def test_planning_works_out_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of VGG16's dense layers that took 13 seconds and 2 GB."""

    def drawn(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a matrix was made")

    monkeypatch.setattr(keras.initializers.HeUniform, "__call__", drawn)
    plan = plan_spec({"spec": 1, "lora": LORA}, base=picture_model())
    assert sum("lora" in each.path for layer in plan.after.layers.values() for each in layer.weights) == 2 * 8
