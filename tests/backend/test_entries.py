"""New layers written with `from`, `call`, `layer` and values of what flows in, against plain Keras written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, check_spec, compile_spec, plan_spec


@pytest.fixture(scope="module")
def base() -> Any:
    """A small residual network, no variable of which is at its default."""
    image = keras.Input((8, 8, 3), name="image")
    stem = keras.layers.Conv2D(8, 3, padding="same", name="stem")(image)
    x = keras.layers.Conv2D(8, 3, padding="same", name="conv")(stem)
    x = keras.layers.BatchNormalization(name="norm")(x, training=False)
    x = keras.layers.Add(name="add")([stem, keras.layers.ReLU(name="relu")(x)])
    x = keras.layers.Conv2D(16, 1, name="wide")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(image, keras.layers.Dense(5, name="scores")(x), name="small")
    random = np.random.default_rng(7)
    for variable in model.variables:
        variable.assign(random.uniform(0.2, 1.0, variable.shape))
    return model


def images() -> Any:
    return np.random.default_rng(3).normal(size=(4, 8, 8, 3)).astype("float32")


def same(ours: Any, theirs: Any, tmp_path: Path) -> None:
    """Both put out the same bits, ours also once it was saved and loaded."""
    expected = theirs(images(), training=False)
    file = tmp_path / "ours.keras"
    ours.save(file)
    for model in (ours, keras.models.load_model(file)):
        put_out = model(images(), training=False)
        for one, other in zip(keras.tree.flatten(put_out), keras.tree.flatten(expected), strict=True):
            assert np.array_equal(one, other)


def test_squeeze_and_excitation_by_what_flows_in(base: Any, tmp_path: Path) -> None:
    spec = """
spec: 1
insert:
  - after: {each: [relu, wide]}
    with:
      - GlobalAveragePooling2D: {keepdims: true}
      - Conv2D: {filters: "${in.channels // 4}", kernel_size: 1, activation: relu}
      - Conv2D: {filters: "${in.channels}", kernel_size: 1, activation: sigmoid, name: "{name}_gate"}
      - {Multiply: {}, from: [in, above], name: "{name}_se"}
"""
    ours = compile_spec(spec, base=base).model
    new = [layer for layer in ours.layers if isinstance(layer, keras.layers.Conv2D) and layer.name not in names(base)]
    assert [layer.filters for layer in new] == [2, 8, 4, 16]

    def scaled(x: Any, squeeze: Any, gate: Any) -> Any:
        return keras.layers.Multiply()([x, gate(squeeze(keras.layers.GlobalAveragePooling2D(keepdims=True)(x)))])

    layer = base.get_layer
    x = layer("relu")(layer("norm")(layer("conv")(layer("stem").output), training=False))
    x = layer("add")([layer("stem").output, scaled(x, *new[:2])])
    x = scaled(layer("wide")(x), *new[2:])
    same(ours, keras.Model(base.input, layer("scores")(layer("pool")(x))), tmp_path)


def names(model: Any) -> set[str]:
    return {layer.name for layer in model.layers}


def test_a_kept_layer_called_once_more(base: Any, tmp_path: Path) -> None:
    spec = "spec: 1\nhead:\n  - {layer: stem, from: image, name: more}\n  - {Add: {}, from: [more, add]}\n"
    ours = compile_spec(spec, base=base).model
    layer = base.get_layer
    same(
        ours,
        keras.Model(base.input, keras.layers.Add(name="sum")([layer("stem")(base.input), layer("add").output])),
        tmp_path,
    )
    assert len([each for each in ours.layers if each.name == "stem"]) == 1
    row = next(each for each in plan_spec(spec, base=base).after.layers.values() if each.name == "stem")
    assert not row.is_new


def test_attention_by_arguments_of_its_call(base: Any, tmp_path: Path) -> None:
    spec = """
spec: 1
head:
  - {Reshape: {target_shape: ["${in.shape[0] * in.shape[1]}", "${in.channels}"]}, name: tokens}
  - {Dense: 8, name: memory}
  - {MultiHeadAttention: {num_heads: 2, key_dim: 4}, from: {query: tokens, value: memory}, name: mixed}
  - {Add: {}, from: [tokens, mixed]}
"""
    with pytest.raises(SpecError, match=r"`in.shape\[1\]` is asked for, the tensor has 1 axes"):
        compile_spec(spec, base=base)
    ours = compile_spec(f"{spec}cut_at: add\n", base=base).model
    tokens = keras.layers.Reshape((64, 8))(base.get_layer("add").output)
    memory = ours.get_layer("memory")(tokens)
    theirs = keras.Model(base.input, keras.layers.Add(name="sum")([tokens, ours.get_layer("mixed")(tokens, memory)]))
    same(ours, theirs, tmp_path)


def test_states_of_a_recurrent_layer(base: Any, tmp_path: Path) -> None:
    spec = """
spec: 1
cut_at: add
head:
  - Reshape: [64, 8]
  - {LSTM: {units: 4, return_state: true}, name: lstm}
  - {Concatenate: {}, from: [lstm.0, lstm.2]}
outputs: {all: concatenate, cell: lstm.2}
"""
    ours = compile_spec(spec, base=base).model
    x = keras.layers.Reshape((64, 8))(base.get_layer("add").output)
    last, _, cell = ours.get_layer("lstm")(x)
    theirs = keras.Model(base.input, {"all": keras.layers.Concatenate()([last, cell]), "cell": cell})
    same(ours, theirs, tmp_path)


def test_a_replacement_keeps_its_training_argument(base: Any, tmp_path: Path) -> None:
    spec = "spec: 1\nreplace:\n  - {layers: norm, with: {BatchNormalization: {momentum: 0.5, name: calm}}}\n"
    ours = compile_spec(spec, base=base).model
    (call,) = ours.get_layer("calm")._inbound_nodes
    assert call.arguments.kwargs == {"training": False}
    x = ours.get_layer("calm")(base.get_layer("conv").output, training=False)
    for name in ("relu", None, "wide", "pool", "scores"):
        x = base.get_layer(name)(x) if name else keras.layers.Add(name="sum")([base.get_layer("stem").output, x])
    same(ours, keras.Model(base.input, x), tmp_path)


def test_dropout_that_is_always_on(base: Any) -> None:
    spec = "spec: 1\ninsert:\n  - {before: scores, with: {Dropout: 0.5, call: {training: true}}}\n"
    ours = compile_spec(spec, base=base).model
    assert not np.array_equal(ours(images()), ours(images()))
    assert np.array_equal(ours(images(), training=False), ours(images(), training=False))  # as Keras has it


def test_sizes_are_known_to_the_memory_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What flows in decides what a call is remembered as: at another width it is another call."""
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(tmp_path))
    spec = """
spec: 1
base: {application: MobileNetV2, alpha: 0.35, weights: null, include_top: false, input_shape: [32, 32, 3]}
insert:
  - after: {each: "block_*_add"}
    with: {Conv2D: {filters: "${in.channels}", kernel_size: 1}}
"""
    with_keras = plan_spec(spec).after.num_parameters
    assert check_spec(spec) == ()
    assert plan_spec(spec).after.num_parameters == with_keras
