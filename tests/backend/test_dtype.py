"""`dtype` is `keras.config.set_dtype_policy` before the same model is made by hand: it puts out the same bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import check_spec, compile_spec
from tests.backend.conftest import Scaled, assert_same_bits, branching, outputs_of, randomized
from tests.memory import assert_planned_without_keras

MIXED = ("mixed_float16", "mixed_bfloat16")
PURE = ("float16", "bfloat16", "float64")


@pytest.fixture(autouse=True)
def _policy_as_it_was() -> Iterator[None]:
    yield
    keras.config.set_dtype_policy("float32")


def residual(last: str | None) -> Any:
    """A small ResNet; its last layer has a dtype of its own where one is given."""
    own = {} if last is None else {"dtype": last}
    inputs = keras.Input((16, 16, 3), name="image")
    x = keras.layers.Rescaling(1 / 255, name="scale")(inputs)
    x = keras.layers.Conv2D(8, 3, padding="same", use_bias=False, name="stem")(x)
    for block in ("a", "b"):
        y = keras.layers.BatchNormalization(name=f"{block}_bn")(x)
        y = keras.layers.Conv2D(8, 3, padding="same", name=f"{block}_conv")(keras.layers.ReLU(name=f"{block}_relu")(y))
        x = keras.layers.Add(name=f"{block}_add")([x, y])
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x * 0.5)
    return keras.Model(inputs, keras.layers.Dense(5, activation="softmax", name="top", **own)(x), name="residual")


def mobile(last: str | None) -> Any:
    """MobileNetV2 without a top, and a classifier."""
    body = keras.applications.MobileNetV2(
        weights=None, input_shape=(32, 32, 3), include_top=False, alpha=0.35, pooling="avg"
    )
    own = {} if last is None else {"dtype": last}
    return keras.Model(body.input, keras.layers.Dense(4, name="top", **own)(body.output))


def nested(last: str | None) -> Any:
    """A model in a model, layers in layers, whole numbers and a table of words."""
    own = {} if last is None else {"dtype": last}
    words = keras.Input((6,), dtype="int32", name="words")
    x = keras.layers.Embedding(9, 4, name="embedding")(words)
    x = keras.layers.Bidirectional(
        keras.layers.LSTM(3, return_sequences=True, recurrent_initializer="zeros", name="lstm"), name="both"
    )(x)
    inside = keras.Input((6, 6), name="inside")
    y = keras.layers.TimeDistributed(keras.layers.Dense(5, name="d"), name="each")(inside)
    tower = keras.Model(inside, keras.layers.LayerNormalization(name="norm")(y), name="tower")
    x = keras.layers.Flatten(name="flat")(tower(x))
    inner = keras.Sequential(
        [keras.Input((30,)), keras.layers.Dense(4, name="first"), keras.layers.Dense(3, name="last", **own)]
    )
    inner.name = "head"
    return keras.Model(words, inner(x))


def data_for(model: Any) -> Any:
    random = np.random.default_rng(3)
    shape = (2, *model.input_shape[1:])
    return random.integers(0, 9, shape) if model.inputs[0].dtype == "int32" else random.random(shape, "float32") * 9


@pytest.mark.parametrize("policy", [*MIXED, *PURE])
@pytest.mark.parametrize(
    "make", [residual, pytest.param(mobile, marks=pytest.mark.slow), nested], ids=lambda make: make.__name__
)
def test_it_is_the_model_that_is_made_under_the_policy(
    make: Callable[[str | None], Any], policy: str, tmp_path: Path
) -> None:
    base = randomized(make(None))
    keras.config.set_dtype_policy(policy)
    wanted = make("float32" if policy in MIXED else None)
    wanted.set_weights(base.get_weights())
    keras.config.set_dtype_policy("float32")
    compiled = compile_spec({"spec": 1, "dtype": policy}, base=base)
    compiled.model.save(tmp_path / "model.keras")
    data = data_for(base)
    for found in (compiled.model, keras.models.load_model(tmp_path / "model.keras")):
        assert found.output.dtype == ("float32" if policy in MIXED else policy)
        assert_same_bits(outputs_of(found, data), outputs_of(wanted, data))
    rows = compiled.weights.of("copied")
    if policy in MIXED:
        assert all(row.source_checksum == row.result_checksum for row in rows)
        assert_same_bits(compiled.model.get_weights(), base.get_weights())
    else:
        assert {row.reason for row in rows if row.parameters} == {f"kept layer, cast from float32 to {policy}"}


def test_new_layers_follow_and_what_says_its_own_stays() -> None:
    head = [
        {"Dense": {"units": 4, "name": "own", "dtype": "float64"}},
        {"Dense": {"units": 3, "name": "new"}},
        "Softmax",
    ]
    edits = {"set": [{"layers": "a_conv", "to": {"dtype": "bfloat16"}}], "head": head}
    model = compile_spec({"spec": 1, **edits, "dtype": "mixed_float16"}, base=residual(None)).model
    policies = {
        layer.name: layer.dtype_policy.name
        for layer in model.layers
        if layer.name in ("own", "new", "softmax", "a_conv", "top")
    }
    assert policies == {
        "own": "float64",
        "new": "mixed_float16",
        "softmax": "float32",
        "a_conv": "bfloat16",
        "top": "mixed_float16",
    }


def test_a_mixed_base_goes_back() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    base = randomized(residual("float32"))
    keras.config.set_dtype_policy("float32")
    wanted = residual(None)
    wanted.set_weights(base.get_weights())
    compiled = compile_spec({"spec": 1, "dtype": "float32"}, base=base)
    data = data_for(base)
    assert_same_bits(outputs_of(compiled.model, data), outputs_of(wanted, data))


def test_the_loss_is_scaled_as_of_a_model_made_so() -> None:
    model = compile_spec({"spec": 1, "dtype": "mixed_float16"}, base=residual(None)).model
    model.compile("sgd", "mse")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    plain = compile_spec({"spec": 1, "dtype": "mixed_bfloat16"}, base=residual(None)).model
    plain.compile("sgd", "mse")
    assert not isinstance(plain.optimizer, keras.optimizers.LossScaleOptimizer)


def test_a_class_of_ones_own() -> None:
    inputs = keras.Input((4,), name="x")
    base = randomized(keras.Model(inputs, keras.layers.Dense(2, name="top")(Scaled(0.5, name="own")(inputs))))
    keras.config.set_dtype_policy("mixed_float16")
    wanted = keras.Model(inputs, keras.layers.Dense(2, dtype="float32")(Scaled(0.5)(inputs)))
    keras.config.set_dtype_policy("float32")
    wanted.set_weights(base.get_weights())
    model = compile_spec({"spec": 1, "dtype": "mixed_float16"}, base=base).model
    assert model.get_layer("own").dtype_policy.name == "mixed_float16"
    assert_same_bits(outputs_of(model, data_for(base)), outputs_of(wanted, data_for(base)))


def test_what_does_not_fit_is_not_blamed_on_it() -> None:
    (error, *_) = check_spec({"spec": 1, "input": {"channels": 1}, "dtype": "mixed_float16"}, base=residual(None))
    assert (error.code, error.path) == ("SC402", ("input", "channels"))


def test_the_plan_names_policies() -> None:
    plan = compile_spec({"spec": 1, "dtype": "mixed_float16"}, base=nested(None)).plan
    details = {change.name: change.details for change in plan.changes if change.action == "changed"}
    assert details["tower"] == (("dtype", "float32", "mixed_float16"),)
    assert details["head"] == (("dtype", "float32", "float32, mixed_float16"),)


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16"])
def test_without_keras_it_is_the_same_plan(policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(tmp_path / "cache"))
    branching().save(tmp_path / "model.keras")
    path = tmp_path / "spec.yaml"
    path.write_text(f"spec: 1\nbase: {{file: model.keras}}\nhead: [{{Dense: 2}}]\ndtype: {policy}\n")
    assert_planned_without_keras(path)
