"""`prune` and `widen` on models of every make, with other sections beside them: the narrower one equals the deaf one.

`prove=True` compares it with the base in which nobody hears what left; a wider one is compared with the base here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import CompiledSpec, SpecError, compile_spec
from tests.backend.conftest import assert_same_bits, outputs_of
from tests.backend.test_prune import assert_equal, harsh, inputs_for

layers = keras.layers
Sizes = Mapping[str, int]


def block(name: str) -> Any:
    pixels = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same", name=f"{name}_first")(pixels)
    x = layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_norm")(x))
    return harsh(keras.Model(pixels, layers.Conv2D(6, 1, name=f"{name}_last")(x), name=name))


def nested() -> Any:
    """A Sequential with a model inside."""
    rest = [layers.GlobalAveragePooling2D(name="pool"), layers.Dense(10, "relu", name="wide"), layers.Dropout(0.5)]
    return harsh(keras.Sequential([keras.Input((8, 8, 3)), block("inner"), *rest, layers.Dense(3, name="scores")]))


def two_ends() -> Any:
    image = keras.Input((8, 8, 3), name="image")
    stem = layers.Conv2D(8, 3, name="stem")(image)
    one = layers.Dense(3, name="one")(layers.Flatten(name="flat")(stem))
    return harsh(keras.Model(image, {"one": one, "other": layers.Conv2D(4, 1, name="other")(stem)}, name="two"))


def text(mask: bool) -> Any:
    tokens = keras.Input((12,), dtype="int32", name="tokens")
    x = layers.Embedding(50, 8, mask_zero=mask, name="words")(tokens)
    x = layers.Bidirectional(layers.LSTM(6, return_sequences=True), name="both")(x)
    x = layers.TimeDistributed(layers.Dense(6, name="each"), name="over")(x)
    x = layers.LSTM(6, return_sequences=True, name="lstm")(x)
    return harsh(keras.Model(tokens, layers.Dense(2, name="scores")(layers.GRU(4, name="gru")(x)), name="text"))


def signal() -> Any:
    samples = keras.Input((20, 4), name="samples")
    x = layers.MaxPooling1D()(layers.Conv1D(8, 3, dilation_rate=2, name="conv")(samples))
    x = layers.Conv1DTranspose(6, 3, name="back")(x)
    x = layers.SeparableConv1D(4, 3, depth_multiplier=2, name="apart")(x)
    return harsh(keras.Model(samples, layers.Dense(2, name="scores")(layers.GlobalAveragePooling1D()(x))))


def volume() -> Any:
    voxels = keras.Input((6, 6, 6, 2), name="voxels")
    x = layers.Conv3D(4, 1, name="next")(layers.Conv3D(8, 3, name="conv")(voxels))
    return harsh(keras.Model(voxels, layers.Dense(2, name="scores")(layers.Flatten(name="flat")(x)), name="volume"))


def feeding() -> Any:
    """A transformer's block with a projection by an equation."""
    tokens = keras.Input((7, 8), name="tokens")
    x = layers.EinsumDense("abc,cd->abd", output_shape=(None, 8), bias_axes="d", name="project")(tokens)
    x = layers.LayerNormalization(name="norm")(layers.Add(name="add")([tokens, x]))
    x = layers.Dense(8, name="back")(layers.Dense(16, "gelu", name="wide")(x))
    return harsh(keras.Model(tokens, layers.Dense(2, name="scores")(layers.GlobalAveragePooling1D()(x))))


def inputs_of(model: Any) -> Any:
    if model.inputs[0].dtype == "int32":
        return np.random.default_rng(0).integers(0, 50, (3, *model.inputs[0].shape[1:])).astype("int32")
    return inputs_for(model)


def sizes_of(compiled: CompiledSpec, names: Sizes) -> dict[str, int]:
    spec = compiled.plan.after
    return {name: int(spec.nodes[name].outputs[0].shape[-1] or 0) for name in names}


@pytest.mark.parametrize(
    ("make", "edits", "sizes"),
    [
        (nested, {"prune": {"layers": "type:Dense", "keep": 0.5}}, {"wide": 5, "scores": 3}),
        (nested, {"prune": {"layers": "inner", "keep": 0.5}}, {"inner": 3}),
        (nested, {"prune": {"layers": "inner/inner_first", "keep": 4, "by": "gamma"}}, {"inner/inner_first": 4}),
        (nested, {"prune": {"channels": {"inner/inner_first": [0, 5], "wide": [1]}}}, {"inner/inner_first": 4}),
        (two_ends, {"prune": {"layers": "all", "keep": 0.5}}, {"stem": 4, "one": 3, "other": 4}),
        (two_ends, {"prune": {"layers": "s*", "keep": 3}, "freeze": "stem"}, {"stem": 3}),
        (two_ends, {"prune": {"layers": "stem", "keep": 0.5}, "dtype": "mixed_float16"}, {"stem": 4}),
        (
            two_ends,
            {"steps": [{"prune": {"layers": "stem", "keep": 4}}, {"widen": {"layers": "stem", "to": 10}}]},
            {"stem": 10},
        ),
        (lambda: text(False), {"prune": {"layers": "all", "keep": 0.5}}, {"words": 4, "both": 6, "over": 3, "gru": 2}),
        (lambda: text(True), {"prune": {"layers": "all", "keep": 0.5}}, {"words": 4, "both": 6, "over": 3, "gru": 2}),
        (signal, {"prune": {"layers": "all", "keep": 0.5}}, {"conv": 4, "back": 3, "apart": 2}),
        (volume, {"prune": {"layers": "type:Conv3D", "keep": 0.5, "by": "l2"}}, {"conv": 4, "next": 2}),
        (feeding, {"prune": {"layers": "type:Dense", "keep": 0.25}}, {"wide": 4}),
    ],
)
def test_narrower(make: Callable[[], Any], edits: dict[str, Any], sizes: Sizes, tmp_path: Path) -> None:
    base = make()
    compiled = compile_spec({"spec": 1, **edits}, base=base, prove=True)
    assert sizes_of(compiled, sizes) == sizes
    proof = compiled.weights.proof
    assert proof is not None
    assert all(each.deviation is not None and each.contract.preserves == "exact" for each in proof.contracts)
    compiled.model.save(tmp_path / "narrow.keras")
    again = keras.models.load_model(tmp_path / "narrow.keras")
    assert_same_bits(outputs_of(again, inputs_of(base)), outputs_of(compiled.model, inputs_of(base)))


@pytest.mark.parametrize(
    ("make", "widen"),
    [
        (nested, {"inner/inner_last": 9, "inner/inner_first": 7, "wide": 15}),
        (two_ends, {"stem": 20}),
        (lambda: text(False), {"words": 11, "lstm": 9, "gru": 6}),
        (lambda: text(True), {"both": 18, "over": 9, "lstm": 9}),
        (signal, {"conv": 12, "back": 9, "apart": 5}),
        (volume, {"conv": 9, "next": 6}),
        (feeding, {"wide": 24}),
    ],
)
def test_wider(make: Callable[[], Any], widen: dict[str, int]) -> None:
    base = make()
    spec = {"spec": 1, "widen": [{"layers": name, "to": to} for name, to in widen.items()]}
    compiled = compile_spec(spec, base=base, prove=True)
    assert sizes_of(compiled, widen) == widen
    assert_equal(compiled.model, base, inputs_of(base))


def test_two_bases(tmp_path: Path) -> None:
    for name in ("left", "right"):
        block(name).save(tmp_path / f"{name}.keras")
    files = {name: {"file": str(tmp_path / f"{name}.keras")} for name in ("left", "right")}
    head = [{"Concatenate": {"name": "join"}, "from": ["left/left_last", "right/right_last"]}, {"Dense": {"units": 2}}]
    edits = {"prune": {"layers": "left/left_first", "keep": 2}, "widen": {"layers": "right/right_first", "to": 9}}
    narrow = compile_spec({"spec": 1, "bases": files, "head": head, **edits}, prove=True)
    whole = compile_spec({"spec": 1, "bases": files, "head": head})
    left, right = (keras.models.load_model(tmp_path / f"{name}.keras") for name in ("left", "right"))
    kernel = np.abs(left.get_layer("left_first").get_weights()[0]).sum((0, 1, 2))
    kept = np.argsort(-kernel)[:2]
    quiet = left.get_layer("left_last").get_weights()
    quiet[0][:, :, np.setdiff1d(np.arange(6), kept)] = 0
    left.get_layer("left_last").set_weights(quiet)
    image = inputs_for(left)
    taps = keras.Model(narrow.model.inputs, narrow.model.get_layer("join").output)
    found = outputs_of(taps, [image, image])[0]
    wanted = np.concatenate([outputs_of(left, image)[0], outputs_of(right, image)[0]], axis=-1)
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()
    assert narrow.model.output_shape == whole.model.output_shape


def test_a_narrower_base_gets_narrower_again(tmp_path: Path) -> None:
    base = block("base")
    base.save(tmp_path / "base.keras")
    (tmp_path / "one.yaml").write_text("spec: 1\nbase: {file: base.keras}\nprune: {layers: base_first, keep: 0.7}\n")
    spec = {"spec": 1, "base": {"spec": str(tmp_path / "one.yaml")}, "prune": {"layers": "base_first", "keep": 2}}
    again = compile_spec(spec, prove=True).model
    at_once = compile_spec({"spec": 1, "prune": {"layers": "base_first", "keep": 2}}, base=base).model
    assert_same_bits(again.get_weights(), at_once.get_weights())


def test_a_new_layer_gets_narrower_with_what_it_follows() -> None:
    entry = {"Conv2D": {"filters": 8, "kernel_size": 1, "name": "new"}}
    spec = {"spec": 1, "insert": [{"after": "stem", "with": [entry]}], "prune": {"layers": ["stem", "new"], "keep": 2}}
    model = compile_spec(spec, base=two_ends(), prove=True).model
    assert [tuple(each.shape) for each in model.get_layer("new").weights] == [(1, 1, 2, 2), (2,)]
    model.compile("sgd", {"one": "mse", "other": "mse"})
    model.fit(inputs_for(model), {"one": np.zeros((3, 3)), "other": np.zeros((3, 6, 6, 4))}, verbose=0)


@pytest.mark.parametrize(
    ("edits", "path"),
    [
        ({"prune": {"channels": {"inner/nobody": [0]}}}, ("prune", 0, "channels", "inner/nobody")),
        ({"prune": {"layers": ["wide", "inner/nobody"], "keep": 2}}, ("prune", 0, "layers", 1)),
        ({"prune": {"layers": "wide", "keep": True}}, ("prune", 0, "keep")),
        ({"prune": {"layers": "wide", "keep": 2, "by": "gamma"}}, ("prune", 0, "layers")),
        ({"prune": {"layers": "type:Dropout", "keep": 2}}, ("prune", 0, "layers")),
        ({"widen": {"layers": "scores", "to": 9}}, ("widen", 0, "layers")),
        ({"widen": {"layers": "wide", "to": 10}}, ("widen", 0, "layers")),
    ],
)
def test_mistakes_are_located(edits: dict[str, Any], path: tuple[str | int, ...]) -> None:
    with pytest.raises(SpecError) as caught:
        compile_spec({"spec": 1, **edits}, base=nested())
    assert [each.path for each in caught.value.diagnostics] == [path]
