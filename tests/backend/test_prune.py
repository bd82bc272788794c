"""`prune` and `widen`: the narrower model is the one that is deaf to what left, the wider one is the base.

What is deaf is made by hand here: the base's own layers, called again with masks on the tensors that a test names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, compile_spec, plan_spec
from tests.backend.conftest import assert_same_bits, outputs_of
from tests.memory import assert_planned_without_keras

Array = np.ndarray[Any, Any]
layers = keras.layers


def harsh(model: Any, seed: int = 3) -> Any:
    """The model with values at no default in every variable, so that a wrong channel shows."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        last = variable.path.rpartition("/")[2]
        if last in ("gamma", "moving_variance"):
            values = random.uniform(0.5, 1.5, variable.shape)
        else:
            values = random.normal(0, 0.3, variable.shape)
        variable.assign(values.astype(str(variable.dtype)))
    return model


def residual() -> Any:
    """Two convolutions joined by an `Add`, with normalisation and activations, into one that reads both."""
    image = keras.Input((8, 8, 3), name="image")
    stem = layers.Conv2D(12, 3, padding="same", name="stem")(image)
    x = layers.Conv2D(12, 3, padding="same", use_bias=False, name="conv")(stem)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(name="relu")(x)
    x = layers.Add(name="add")([stem, x])
    x = layers.Conv2D(6, 1, name="last")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return harsh(keras.Model(image, layers.Dense(5, name="scores")(x), name="residual"))


def joined() -> Any:
    """Two branches side by side, through a depthwise convolution and `Flatten`."""
    image = keras.Input((6, 6, 3), name="image")
    left = layers.Conv2D(4, 3, padding="same", activation="tanh", name="left")(image)
    right = layers.Conv2D(6, 1, name="right")(image)
    x = layers.Concatenate(name="join")([left, right, left])
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depth")(x)
    return harsh(keras.Model(image, layers.Dense(5, name="scores")(layers.Flatten(name="flat")(x)), name="joined"))


def squeezed() -> Any:
    """Squeeze and excitation behind a convolution: the gate has as many channels as what it scales."""
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, activation="relu", name="conv")(image)
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    gate = layers.Conv2D(4, 1, activation="relu", name="down")(gate)
    gate = layers.Conv2D(8, 1, activation="sigmoid", name="up")(gate)
    x = layers.Multiply(name="scaled")([x, gate])
    return harsh(keras.Model(image, layers.Conv2D(3, 1, name="last")(x), name="squeezed"))


def siamese() -> Any:
    """A layer and a nested model that are called twice."""
    left, right = (keras.Input((8, 8, 3), name=name) for name in ("left", "right"))
    pixels = keras.Input((8, 8, 10), name="pixels")
    inner = layers.Conv2D(6, 3, name="inner")(pixels)
    tower = keras.Model(pixels, layers.GlobalMaxPooling2D(name="most")(inner), name="tower")
    stem = layers.Conv2D(10, 1, name="stem")
    ends = [tower(stem(each)) for each in (left, right)]
    return harsh(
        keras.Model([left, right], layers.Dense(2, name="score")(layers.Subtract(name="gap")(ends)), name="two")
    )


def inputs_for(model: Any, seed: int = 0) -> Any:
    random = np.random.default_rng(seed)
    made = [random.normal(size=(3, *each.shape[1:])).astype("float32") for each in model.inputs]
    return made if len(made) > 1 else made[0]


def masked(model: Any, masks: Mapping[str, Array]) -> Any:
    """The model, made of the same layers, in which what certain layers put out is multiplied by a mask."""

    def called(layer: Any, *args: Any, **kwargs: Any) -> Any:
        result = layer(*args, **kwargs)
        return result * masks[layer.name].astype("float32") if layer.name in masks else result

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=called)


def most(sizes: Array, number: int) -> Array:
    """A mask of the largest, by hand."""
    mask = np.zeros(len(sizes))
    mask[np.argsort(-sizes, kind="stable")[:number]] = 1
    return mask


def kernel(model: Any, name: str) -> Array:
    return np.asarray(np.abs(np.asarray(model.get_layer(name).kernel)))


def assert_equal(model: Any, wanted: Any, inputs: Any) -> None:
    for one, other in zip(outputs_of(model, inputs), outputs_of(wanted, inputs), strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= 1e-5 * np.abs(other).max()


def test_channels_that_an_add_joins_leave_together() -> None:
    base = residual()
    compiled = compile_spec({"spec": 1, "prune": {"layers": "stem", "keep": 0.5}}, base=base, prove=True)
    mask = most(kernel(base, "stem").sum((0, 1, 2)) + kernel(base, "conv").sum((0, 1, 2)), 6)
    assert compiled.model.get_layer("conv").filters == compiled.model.get_layer("stem").filters == 6
    wanted = masked(base, dict.fromkeys(("stem", "conv", "norm", "relu", "add"), mask))
    assert_equal(compiled.model, wanted, inputs_for(base))
    assert np.abs(outputs_of(base, inputs_for(base))[0] - outputs_of(wanted, inputs_for(base))[0]).max() > 0.1
    [group] = compiled.plan.after.groups
    assert (group.makers, group.readers, group.before, group.after) == (("stem", "conv"), ("conv", "last"), 12, 6)


@pytest.mark.parametrize(
    ("by", "sizes"),
    [
        (
            "l2",
            lambda base: np.sqrt(
                (kernel(base, "stem") ** 2).sum((0, 1, 2)) + (kernel(base, "conv") ** 2).sum((0, 1, 2))
            ),
        ),
        ("gamma", lambda base: np.abs(np.asarray(base.get_layer("norm").gamma))),
    ],
)
def test_what_a_channel_counts_is_measured(by: str, sizes: Any) -> None:
    base = residual()
    spec = {"spec": 1, "prune": [{"layers": "conv", "keep": 5, "by": by}]}
    mask = most(sizes(base), 5)
    wanted = masked(base, dict.fromkeys(("stem", "conv", "norm", "relu", "add"), mask))
    assert_equal(compile_spec(spec, base=base, prove=True).model, wanted, inputs_for(base))


def test_a_random_choice_is_the_same_again() -> None:
    spec = {"spec": 1, "prune": {"layers": "type:Conv2D", "keep": 0.5, "by": "random", "round_to": 2}}
    first, second = (compile_spec(spec, base=residual()) for _ in range(2))
    assert_same_bits(first.model.get_weights(), second.model.get_weights())
    assert [first.model.get_layer(name).filters for name in ("stem", "conv", "last")] == [6, 6, 4]


def test_a_tensor_that_is_joined_twice() -> None:
    base = joined()
    spec = {"spec": 1, "prune": {"channels": {"left": [0, 3], "right": [5]}}}
    compiled = compile_spec(spec, base=base, prove=True)
    left, right = np.array([0, 1, 1, 0]), np.array([1, 1, 1, 1, 1, 0])
    both = np.concatenate([left, right, left])
    wanted = masked(base, {"left": left, "right": right, "join": both, "depth": np.repeat(both, 2)})
    assert_equal(compiled.model, wanted, inputs_for(base))
    assert compiled.model.get_layer("scores").kernel.shape == (4 * 4 * 2 * 9, 5)


def test_squeeze_and_excitation() -> None:
    base = squeezed()
    compiled = compile_spec({"spec": 1, "prune": {"layers": "type:Conv2D", "keep": 0.5}}, base=base, prove=True)
    wide = most(kernel(base, "conv").sum((0, 1, 2)) + kernel(base, "up").sum((0, 1, 2)), 4)
    narrow = most(kernel(base, "down").sum((0, 1, 2)), 2)
    masks = {**dict.fromkeys(("conv", "squeeze", "up", "scaled"), wide), "down": narrow}
    assert_equal(compiled.model, masked(base, masks), inputs_for(base))
    assert [(each.layer, each.reason) for each in compiled.plan.after.left] == [
        ("last", "its channels are the model's output `last`")
    ]


def test_shared_layers_and_nested_models() -> None:
    base = siamese()
    compiled = compile_spec({"spec": 1, "prune": {"layers": "stem", "keep": 0.3}}, base=base, prove=True)
    mask = most(kernel(base, "stem").sum((0, 1, 2)), 3)
    assert_equal(compiled.model, masked(base, {"stem": mask}), inputs_for(base))
    assert compiled.model.get_layer("tower").input_shape == (None, 8, 8, 3)
    inside = compile_spec({"spec": 1, "prune": {"layers": "tower/inner", "keep": 2}}, base=base, prove=True)
    most_inner = most(kernel(base.get_layer("tower"), "inner").sum((0, 1, 2)), 2)
    assert_equal(inside.model, masked(base, {"tower": most_inner}), inputs_for(base))


def test_heads_of_attention() -> None:
    tokens = keras.Input((7, 8), name="tokens")
    x = layers.MultiHeadAttention(4, 3, name="attention")(tokens, tokens)
    base = harsh(keras.Model(tokens, layers.Dense(2, name="scores")(layers.Flatten(name="flat")(x)), name="attending"))
    halved = compile_spec({"spec": 1, "prune": {"layers": "attention", "keep": 2}}, base=base, prove=True)
    attention = halved.model.get_layer("attention")
    assert attention.num_heads == 2
    weights = dict(
        zip(
            [each.path for each in base.get_layer("attention").weights],
            base.get_layer("attention").get_weights(),
            strict=True,
        )
    )
    sizes = sum(
        np.abs(value).sum((0, 2)) for path, value in weights.items() if "kernel" in path and "output" not in path
    )
    mask = most(sizes, 2)
    quiet = harsh(keras.models.clone_model(base))
    quiet.set_weights(base.get_weights())
    out = next(each for each in quiet.get_layer("attention").weights if "attention_output/kernel" in each.path)
    out.assign(np.asarray(out) * mask[:, None, None])
    assert_equal(halved.model, quiet, inputs_for(base))


@pytest.mark.parametrize("file", ["base.keras", "base.weights.h5", "base.h5"])
def test_from_every_kind_of_file(tmp_path: Path, file: str) -> None:
    base = residual()
    spec: dict[str, Any] = {"spec": 1, "prune": {"layers": "type:Conv2D", "keep": 0.5}}
    wanted = compile_spec(spec, base=base)
    base.save(tmp_path / "whole.keras")
    if file.endswith("weights.h5"):
        base.save_weights(tmp_path / file)
        (tmp_path / "make.py").write_text(
            "from tests.backend.test_prune import residual\ndef model():\n    return residual()\n"
        )
        spec["base"] = {"file": str(tmp_path / "whole.keras"), "weights": str(tmp_path / file)}
    else:
        base.save(tmp_path / file)
        spec["base"] = {"file": str(tmp_path / file)}
    found = compile_spec(spec, prove=True)
    assert_same_bits(found.model.get_weights(), wanted.model.get_weights())
    found.model.save(tmp_path / "narrow.keras")
    again = keras.models.load_model(tmp_path / "narrow.keras")
    assert_same_bits(outputs_of(again, inputs_for(base)), outputs_of(found.model, inputs_for(base)))
    rows = [row for row in found.weights if row.action == "adapted"]
    assert {row.layer for row in rows} == {"stem", "conv", "norm", "last", "scores"}
    assert all(row.formula and row.source and row.source_checksum for row in rows)


def test_after_other_edits_and_before_a_new_head() -> None:
    base = residual()
    spec = {
        "spec": 1,
        "cut_at": "add",
        "set": {"layers": "stem", "to": {"activation": "relu"}},
        "head": [{"Conv2D": {"filters": 8, "kernel_size": 1, "name": "new"}}, "GlobalAveragePooling2D", {"Dense": 3}],
        "prune": [{"layers": "stem", "keep": 4}, {"layers": "new", "keep": 2}],
        "freeze": "base",
    }
    compiled = compile_spec(spec, base=base, prove=True)
    assert [tuple(each.shape) for each in compiled.model.get_layer("new").weights] == [(1, 1, 4, 2), (2,)]
    mask = most(kernel(base, "stem").sum((0, 1, 2)) + kernel(base, "conv").sum((0, 1, 2)), 4).astype(bool)
    base.get_layer("stem").activation = keras.activations.relu
    inputs = inputs_for(base)
    upto = keras.Model(compiled.model.inputs[0], compiled.model.get_layer("add").output)
    hand = keras.Model(base.inputs[0], base.get_layer("add").output)
    assert upto(inputs).shape[-1] == 4
    expected = masked(hand, dict.fromkeys(("stem", "conv", "norm", "relu", "add"), mask))(inputs)
    assert np.abs(np.asarray(upto(inputs)) - np.asarray(expected)[..., mask]).max() <= 1e-5 * np.abs(expected).max()
    compiled.model.compile("sgd", "mse")
    compiled.model.fit(inputs, np.zeros((3, 3)), epochs=1, verbose=0)


def test_a_new_layer_beside_a_kept_one_has_no_say_in_what_stays() -> None:
    base = residual()
    head = [
        {"Conv2D": {"filters": 12, "kernel_size": 1, "name": "new"}},
        {"Add": {}, "from": ["stem", "new"]},
        "GlobalAveragePooling2D",
    ]
    cut = {"spec": 1, "cut_at": "stem", "head": [*head, {"Dense": 2}]}
    compiled = compile_spec({**cut, "prune": {"layers": "stem", "keep": 0.5}}, base=base, prove=True)
    stays = most(kernel(base, "stem").sum((0, 1, 2)), 6).astype(bool)
    assert not stays[:6].all(), "the first six would prove nothing"
    assert_same_bits(
        compiled.model.get_layer("stem").get_weights()[0], base.get_layer("stem").get_weights()[0][..., stays]
    )


def test_what_no_masked_model_equals_is_allowed_by_name() -> None:
    image = keras.Input((8, 8, 3), name="image")
    x = layers.LayerNormalization(name="norm")(layers.Conv2D(8, 3, name="conv")(image))
    base = harsh(keras.Model(image, layers.Conv2D(2, 1, name="last")(x), name="normed"))
    with pytest.raises(SpecError) as caught:
        compile_spec({"spec": 1, "prune": {"layers": "conv", "keep": 0.5}}, base=base)
    assert [each.code for each in caught.value.diagnostics] == ["SC323"]
    compiled = compile_spec({"spec": 1, "prune": {"layers": "conv", "keep": 0.5, "inexact": "allow"}}, base=base)
    assert {each.preserves for each in compiled.plan.contracts} == {"not"}
    assert compiled.model.get_layer("norm").gamma.shape == (4,)


@pytest.mark.parametrize("make", [residual, joined, squeezed, siamese])
@pytest.mark.parametrize("to", [13, 24])
def test_a_wider_model_is_the_base(make: Any, to: int, tmp_path: Path) -> None:
    base = make()
    first = "left" if make is joined else "conv" if make is squeezed else "stem"
    compiled = compile_spec({"spec": 1, "widen": {"layers": first, "to": to}}, base=base, prove=True)
    assert compiled.model.get_layer(first).filters == to
    assert_equal(compiled.model, base, inputs_for(base))
    compiled.model.save(tmp_path / "wide.keras")
    again = keras.models.load_model(tmp_path / "wide.keras")
    assert_same_bits(outputs_of(again, inputs_for(base)), outputs_of(compiled.model, inputs_for(base)))
    assert {each.preserves for each in compiled.plan.contracts} == {"exact"}


def test_wider_and_narrower_in_one_spec() -> None:
    base = residual()
    spec = {"spec": 1, "prune": {"channels": {"last": [0, 1]}}, "widen": {"layers": "stem", "to": 20}}
    compiled = compile_spec(spec, base=base, prove=True)
    assert_equal(compiled.model, masked(base, {"last": np.array([0, 0, 1, 1, 1, 1])}), inputs_for(base))


def test_planned_without_keras(tmp_path: Path) -> None:
    path = tmp_path / "narrow.yaml"
    path.write_text(
        "spec: 1\nbase: {application: MobileNetV2, weights: null, include_top: false, input_shape: [32, 32, 3]}\n"
        "prune: {layers: type:Conv2D, keep: 0.5, round_to: 8}\nwiden: {layers: Conv1, to: 24}\n"
    )
    assert_planned_without_keras(path)


def test_multiply_adds_fall_as_the_plan_says() -> None:
    from spec_compiler.plan.costs import multiply_adds, total

    compiled = compile_spec({"spec": 1, "prune": {"layers": "type:Conv2D", "keep": 0.5}}, base=residual())
    by_hand = 64 * 9 * 3 * 6 + 64 * 9 * 6 * 6 + 64 * 6 * 3 + 3 * 5
    assert total(multiply_adds(compiled.plan.after)) == by_hand


def test_the_base_is_untouched() -> None:
    base = residual()
    before = base.get_weights()
    compile_spec({"spec": 1, "prune": {"layers": "stem", "keep": 0.5}, "widen": {"layers": "last", "to": 9}}, base=base)
    assert_same_bits(base.get_weights(), before)
    assert plan_spec({"spec": 1, "prune": {"layers": "last", "keep": 1}}, base=base).after.groups[0].after == 1
