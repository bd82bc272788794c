"""`inputs` and `rescale` are the models that one writes by hand, and fit data as Keras users give it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import compile_spec
from tests.backend.conftest import assert_same_bits, branching, outputs_of, randomized
from tests.memory import assert_planned_without_keras

TABLE = np.random.default_rng(3).normal(size=(4, 10)).astype("float32")


def small(name: str, seed: int) -> Any:
    """A net with a BatchNormalization."""
    inputs = keras.Input((16, 16, 3), name="image")
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = keras.layers.BatchNormalization(name="bn")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return randomized(keras.Model(inputs, x, name=name), seed)


@pytest.mark.parametrize("kept", [{}, {"as": "layer"}], ids=["flat", "layer"])
def test_one_picture_for_two_bases(kept: Any, tmp_path: Path, monkeypatch: Any, images: Any) -> None:
    monkeypatch.chdir(tmp_path)
    models = {"a": small("a", 1), "b": small("b", 2)}
    for name, model in models.items():
        model.save(f"{name}.keras")
    ends = ["a", "b"] if kept else ["a/pool", "b/pool"]
    spec = {
        "spec": 1,
        "bases": {name: {"file": f"{name}.keras", **kept} for name in models},
        "inputs": {"picture": {"feeds": ["a/image", "b/image"]}},
        "head": [{"Concatenate": {}, "from": ends}, {"Dense": {"units": 3, "name": "top"}}],
    }
    compiled = compile_spec(spec, prove=True)
    top = keras.layers.Dense(3)
    inputs = keras.Input((16, 16, 3))
    wanted = keras.Model(inputs, top(keras.layers.Concatenate()([model(inputs) for model in models.values()])))
    top.set_weights(compiled.model.get_layer("top").get_weights())
    compiled.model.save("result.keras")
    for found in (compiled.model, keras.models.load_model("result.keras")):
        assert found.input_shape == (None, 16, 16, 3)
        assert_same_bits(outputs_of(found, images), outputs_of(wanted, images))


def test_a_table_beside_the_picture(tmp_path: Path, monkeypatch: Any, images: Any) -> None:
    monkeypatch.chdir(tmp_path)
    model = branching()
    spec = {
        "spec": 1,
        "cut_at": "pool",
        "inputs": {"table": {"shape": [10]}},
        "head": [
            {"Dense": {"units": 6, "name": "facts"}, "from": "table"},
            {"Concatenate": {}, "from": ["pool", "facts"]},
            {"Dense": {"units": 1, "name": "top"}},
        ],
        "freeze": "base",
    }
    compiled = compile_spec(spec, base=model, prove=True)
    features = keras.Model(model.input, model.get_layer("pool").output)
    table, image = keras.Input((10,), name="table"), keras.Input((16, 16, 3), name="image")
    facts, top = keras.layers.Dense(6), keras.layers.Dense(1)
    ends = top(keras.layers.Concatenate()([features(image), facts(table)]))
    wanted = keras.Model([image, table], ends)
    facts.set_weights(compiled.model.get_layer("facts").get_weights())
    top.set_weights(compiled.model.get_layer("top").get_weights())
    compiled.model.save("result.keras")
    for found in (compiled.model, keras.models.load_model("result.keras")):
        assert [each.name for each in found.inputs] == ["image", "table"]
        assert_same_bits(outputs_of(found, [images, TABLE]), outputs_of(wanted, [images, TABLE]))
        assert_same_bits(outputs_of(found, {"table": TABLE, "image": images}), outputs_of(wanted, [images, TABLE]))
    before = model.get_weights()
    compiled.model.compile("sgd", "mse")
    compiled.model.fit({"image": images, "table": TABLE}, np.ones((4, 1)), verbose=0)
    compiled.model.fit([images, TABLE], np.ones((4, 1)), verbose=0)
    assert_same_bits(model.get_weights(), before)


def test_a_mapping_of_inputs_stays_one(images: Any) -> None:
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    dense = keras.layers.Dense(4, name="dense")
    model = randomized(keras.Model({"left": left, "right": right}, keras.layers.Add()([dense(left), dense(right)])))
    compiled = compile_spec({"spec": 1, "inputs": {"first": {"feeds": "left"}}}, base=model)
    assert sorted(compiled.model.input) == ["first", "right"]
    one, two = TABLE[:, :4], TABLE[:, 4:8]
    found = outputs_of(compiled.model, {"first": one, "right": two})
    assert_same_bits(found, outputs_of(model, {"left": one, "right": two}))


RESCALED: list[tuple[Any, Any]] = [
    ("1/255", keras.layers.Rescaling(1 / 255)),
    ("1./255", keras.layers.Rescaling(1.0 / 255)),
    (0.5, keras.layers.Rescaling(0.5)),
    ({"scale": "1/127.5", "offset": -1}, keras.layers.Rescaling(1.0 / 127.5, offset=-1)),
]


@pytest.mark.parametrize(("rescale", "layer"), RESCALED, ids=str)
@pytest.mark.parametrize("dtype", [None, "uint8"])
def test_rescale_is_the_layer_of_keras(rescale: Any, layer: Any, dtype: str | None, tmp_path: Path) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, size=(2, 16, 16, 3)).astype(dtype or "float32")
    model = branching()
    edits = {"rescale": rescale, **({"dtype": dtype} if dtype else {})}
    compiled = compile_spec({"spec": 1, "input": edits}, base=model, prove=True)
    compiled.model.save(tmp_path / "result.keras")
    for found in (compiled.model, keras.models.load_model(tmp_path / "result.keras")):
        assert_same_bits(outputs_of(found, pixels), outputs_of(model, layer(pixels)))


@pytest.mark.parametrize(
    "edits",
    [
        "inputs: {picture: {feeds: image}}",
        "inputs: {picture: {feeds: image, shape: [null, null, 3]}}",
        "input: {rescale: 1/255}",
        "cut_at: pool\ninputs: {table: {shape: [8]}}\nhead: [{Add: {}, from: [pool, table]}]",
    ],
)
def test_without_keras_it_is_the_same_plan(edits: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(tmp_path / "cache"))
    branching().save(tmp_path / "model.keras")
    (tmp_path / "spec.yaml").write_text(f"spec: 1\nbase: {{file: model.keras}}\n{edits}\n")
    assert_planned_without_keras(tmp_path / "spec.yaml")


def test_a_new_input_that_a_later_step_takes() -> None:
    """`prune` asks for shapes before anything takes it."""
    image = keras.Input((6, 6, 3), name="image")
    x = keras.layers.Conv2D(4, 3, name="conv")(image)
    base = randomized(keras.Model(image, keras.layers.Dense(5, name="scores")(keras.layers.GlobalMaxPooling2D()(x))))
    steps = [
        {"inputs": {"table": {"shape": [3]}}},
        {"prune": {"channels": {"conv": [1]}}},
        {"head": {"Concatenate": {}, "from": ["in", "table"]}},
    ]
    model = compile_spec({"spec": 1, "steps": steps}, base=base).model
    pixels, row = np.ones((2, 6, 6, 3), "float32"), np.full((2, 3), 0.5, "float32")
    base.get_layer("scores").kernel.assign(base.get_layer("scores").kernel * np.array([1, 0, 1, 1])[:, None])
    np.testing.assert_allclose(model([pixels, row]), np.concatenate([base(pixels), row], -1), atol=1e-6)
