"""`input: {channels: …, weights: …}`: the result on x is the base on x M, with M written down here by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from spec_compiler import SpecError, check_spec, compile_spec, plan_spec
from tests.backend.conftest import outputs_of

Case = tuple[Any, list[list[float]]]

# M, (new, old), for three channels in the base
SUM: Case = ("sum", [[1, 1, 1]])
MEAN: Case = ("mean", [[1 / 3] * 3] * 2)
REPEAT: Case = ("repeat", [[0.6, 0, 0], [0, 0.6, 0], [0, 0, 0.6], [0.6, 0, 0], [0, 0.6, 0]])
ZEROS: Case = ("zeros", [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]])
TURNED: Case = ({"take": [2, 1, 0]}, [[0, 0, 1], [0, 1, 0], [1, 0, 0]])
TWICE: Case = ({"take": [1, 1, 2, 0]}, [[0, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])
ALL = (SUM, MEAN, REPEAT, ZEROS, TURNED, TWICE)
CHOICES = (ZEROS, TURNED)  # each old channel is one new channel, as it is
WORDS = [each[0] if isinstance(each[0], str) else f"take-{len(each[1])}" for each in ALL]


def tamed(model: Any, seed: int = 7) -> Any:
    """The model with random values at no default in every variable, which let what comes in through to the output."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        name, shape = variable.path.rpartition("/")[2], tuple(variable.shape)
        if name in ("gamma", "moving_variance", "variance"):
            variable.assign(random.uniform(0.5, 1.5, shape))
        elif name in ("beta", "moving_mean", "mean", "bias", "alpha"):
            variable.assign(random.normal(0, 0.3, shape))
        elif name == "kernel":
            depthwise = len(shape) == 4 and shape[-1] == 1
            variable.assign(random.normal(0, (2 / np.prod(shape[:2] if depthwise else shape[:-1])) ** 0.5, shape))
    for layer in model._flatten_layers():
        if isinstance(layer, layers.Normalization) and layer.weights:
            layer.finalize_state()  # it computes with what it derives from its variables
    return model


def spec_of(weights: Any, channels: int, **sections: Any) -> dict[str, Any]:
    return {"spec": 1, "input": {"channels": channels, "weights": weights}, **sections}


def pictures(*shape: int) -> Any:
    return np.random.default_rng(3).normal(size=(2, *shape)).astype("float32")


def mixed(x: Any, matrix: Any, axis: int = -1) -> Any:
    return np.moveaxis(np.moveaxis(x, axis, -1) @ np.array(matrix, "float32"), -1, axis)


def assert_is_base_on_mixed(model: Any, base: Any, matrix: Any, axis: int = -1) -> None:
    """The model on x is the base on x M, and that is not what the base does with anything."""
    shape = [4 if size is None else size for size in base.input_shape[1:]]
    shape[axis - 1 if axis > 0 else axis] = len(matrix)
    x = pictures(*shape)
    wanted = outputs_of(base, mixed(x, matrix, axis))
    others = outputs_of(base, mixed(x, np.array(matrix) + 0.5, axis))
    for one, other, unlike in zip(outputs_of(model, x), wanted, others, strict=True):
        assert np.abs(one - other).max() <= 5e-3 * np.abs(unlike - other).max()


def stack(*parts: Any, shape: tuple[int | None, ...]) -> Any:
    return tamed(keras.Sequential([keras.Input(shape), *parts]))


SUMMING: dict[str, Callable[[], Any]] = {
    "dense": lambda: stack(layers.Dense(4), shape=(3,)),
    "conv1d": lambda: stack(layers.ZeroPadding1D(1), layers.Conv1D(4, 3, padding="same"), shape=(7, 3)),
    "conv3d": lambda: stack(layers.Conv3D(4, 3, strides=2, padding="same"), shape=(5, 5, 5, 3)),
    "transposed": lambda: stack(layers.Conv2DTranspose(4, 3), shape=(5, 5, 3)),
    "lstm": lambda: stack(layers.LSTM(4), shape=(6, 3)),
    "both ways": lambda: stack(layers.Bidirectional(layers.GRU(4)), shape=(6, 3)),
    "over time": lambda: stack(layers.TimeDistributed(layers.Conv2D(4, 3)), shape=(4, 5, 5, 3)),
    "convlstm": lambda: stack(layers.ConvLSTM2D(4, 3), shape=(4, 5, 5, 3)),
    "einsum": lambda: stack(layers.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d"), shape=(6, 3)),
    "flat": lambda: stack(layers.AveragePooling2D(2), layers.Flatten(), layers.Dense(4), shape=(4, 6, 3)),
    "reshaped": lambda: stack(layers.Reshape((20, 3)), layers.Conv1D(4, 3), shape=(4, 5, 3)),
    "several": lambda: several(),
    "attention": lambda: attention(),
}
CHOSEN: dict[str, Callable[[], Any]] = {
    "batch norm": lambda: stack(layers.BatchNormalization(), layers.Conv2D(4, 3), shape=(6, 6, 3)),
    "depthwise": lambda: stack(
        layers.DepthwiseConv2D(3, depth_multiplier=2), layers.Flatten(), layers.Dense(4), shape=(6, 6, 3)
    ),
    "separable": lambda: stack(layers.SeparableConv2D(4, 3, depth_multiplier=2), shape=(6, 6, 3)),
    "prelu": lambda: stack(layers.PReLU(shared_axes=[1, 2]), layers.Conv2D(4, 3), shape=(6, 6, 3)),
    "normalized": lambda: stack(layers.Normalization(), layers.Conv2D(4, 3, padding="same"), shape=(6, 6, 3)),
    "told means": lambda: stack(
        layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 2.0]), layers.Conv2D(4, 3), shape=(6, 6, 3)
    ),
    "told scales": lambda: stack(
        layers.Rescaling([0.1, 0.2, 0.3], offset=[0.0, 0.5, 1.0]), layers.Conv2D(4, 3), shape=(6, 6, 3)
    ),
}


def several() -> Any:
    """Two convolutions and a Dense behind a Flatten, and one that takes the channels twice, and beside others."""
    x = keras.Input((6, 6, 3))
    one, other = layers.Conv2D(4, 3)(x), layers.Conv2D(4, 3)(x)
    flat = layers.Dense(3)(layers.Flatten()(layers.Concatenate()([layers.Conv2D(3, 3, padding="same")(x), x])))
    twice = layers.Conv2D(2, 1)(layers.Concatenate()([x, x]))
    return tamed(keras.Model(x, [layers.Add()([one, other]), flat, twice]))


def attention() -> Any:
    x = keras.Input((6, 3))
    query = layers.Dense(7)(x)
    own = layers.MultiHeadAttention(2, 4)(x, x)
    return tamed(keras.Model(x, [layers.MultiHeadAttention(2, 4)(query, x, x), layers.Dense(4)(own)]))


@pytest.mark.parametrize("case", ALL, ids=WORDS)
@pytest.mark.parametrize("name", SUMMING)
def test_what_sums_over_channels(name: str, case: Case) -> None:
    base = SUMMING[name]()
    weights, matrix = case
    compiled = compile_spec(spec_of(weights, len(matrix)), base=base)
    linear = name != "several"
    exact = case in (SUM, *CHOICES)
    assert {each.preserves for each in compiled.plan.contracts} == {"partly" if exact else "not"}
    assert not compiled.weights.of("dropped")
    assert all("function" in each.text for each in compiled.plan.contracts) == (linear or exact)
    assert_is_base_on_mixed(compiled.model, base, matrix)


@pytest.mark.parametrize("name", CHOSEN)
def test_what_has_a_number_for_each_channel(name: str) -> None:
    base = CHOSEN[name]()
    for weights, matrix in CHOICES:
        compiled = compile_spec(spec_of(weights, len(matrix)), base=base)
        assert {each.preserves for each in compiled.plan.contracts} == {"partly"}
        assert_is_base_on_mixed(compiled.model, base, matrix)
    for weights, matrix in (SUM, MEAN, REPEAT):
        with pytest.raises(SpecError) as caught:
            plan_spec(spec_of(weights, len(matrix)), base=base)
        (diagnostic,) = caught.value.diagnostics
        assert (diagnostic.code, diagnostic.path) == ("SC407", ("input", "weights"))
        assert f"`{weights}` mixes channels" in diagnostic.message


@pytest.mark.parametrize("name", CHOSEN)
def test_the_channel_repeated_in_front_is_offered_and_exact(name: str) -> None:
    base = CHOSEN[name]()
    with pytest.raises(SpecError) as caught:
        plan_spec(spec_of("sum", 1), base=base)
    first = base.inputs[0]._keras_history.operation.name
    insert = f"insert: [{{after: {first}, with: [{{Concatenate: {{}}, from: [{first}, {first}, {first}]}}]}}]"
    assert insert in str(caught.value.diagnostics[0].help)
    entry = {"after": first, "with": [{"Concatenate": {}, "from": [first] * 3}]}
    compiled = compile_spec({"spec": 1, "input": {"channels": 1}, "insert": [entry]}, base=base)
    assert_is_base_on_mixed(compiled.model, base, SUM[1])


def first_channels(nested: bool) -> Any:
    x = keras.Input((3, 6, 7))
    y = layers.ZeroPadding2D(1, data_format="channels_first")(x)
    y = layers.DepthwiseConv2D(3, data_format="channels_first")(y)
    y = layers.BatchNormalization(axis=1)(y)
    y = layers.Flatten(data_format="channels_first")(y)
    model = keras.Model(x, layers.Dense(3)(y), name="inner")
    if nested:
        outer = keras.Input((3, 6, 7))
        model = keras.Model(outer, layers.Dense(2)(model(outer)))
    return tamed(model)


@pytest.mark.parametrize("nested", [False, True])
def test_channels_that_come_first(nested: bool) -> None:
    base = first_channels(nested)
    for weights, matrix in CHOICES:
        compiled = compile_spec(spec_of(weights, len(matrix)), base=base)
        assert_is_base_on_mixed(compiled.model, base, matrix, axis=1)


@pytest.mark.parametrize(
    ("first", "flat"), [(False, "channels_last"), (True, "channels_first"), (True, "channels_last")]
)
def test_one_channel_becomes_three_in_front_of_flatten(first: bool, flat: str) -> None:
    x = keras.Input((1, 4, 5) if first else (4, 5, 1))
    y = layers.ZeroPadding2D(1, data_format="channels_first" if first else "channels_last")(x)
    base = tamed(keras.Model(x, layers.Dense(3)(layers.Flatten(data_format=flat)(y))))
    compiled = compile_spec(spec_of("zeros", 3), base=base)
    assert_is_base_on_mixed(compiled.model, base, [[1], [0], [0]], 1 if first else -1)


def test_a_layer_and_a_model_that_are_called_twice() -> None:
    tower = keras.Sequential([keras.Input((6, 6, 3)), layers.Rescaling(0.5), layers.Conv2D(4, 3)], name="tower")
    x = keras.Input((6, 6, 3), name="picture")
    shared = layers.Conv2D(4, 3, name="shared")
    parts = [tower(x), tower(layers.Rescaling(-2.0)(x)), shared(x), shared(layers.AveragePooling2D(1)(x))]
    base = tamed(keras.Model(x, layers.Concatenate()(parts)))
    for weights, matrix in (SUM, *CHOICES):
        compiled = compile_spec(spec_of(weights, len(matrix)), base=base)
        assert {row.layer for row in compiled.weights.of("adapted")} == {"tower/" + tower.layers[-1].name, "shared"}
        assert_is_base_on_mixed(compiled.model, base, matrix)


def test_inputs_that_share_their_reader_get_other_channels_together() -> None:
    left, right = keras.Input((6, 6, 3), name="left"), keras.Input((6, 6, 3), name="right")
    shared = layers.Conv2D(2, 3)
    base = tamed(keras.Model([left, right], layers.Subtract()([shared(left), layers.ReLU()(shared(right))])))
    with pytest.raises(SpecError, match="one with those of the model's input `right`"):
        plan_spec({"spec": 1, "input": {"layer": "left", "channels": 1, "weights": "sum"}}, base=base)
    feeds = {"feeds": ["left", "right"], "shape": [6, 6, 1], "weights": "sum"}
    compiled = compile_spec({"spec": 1, "inputs": {"gray": feeds}}, base=base)
    gray = pictures(6, 6, 1)
    wanted = outputs_of(base, [gray.repeat(3, -1)] * 2)[0]
    np.testing.assert_allclose(outputs_of(compiled.model, gray)[0], wanted, rtol=1e-5, atol=1e-6)


def test_one_of_several_inputs_and_an_input_that_the_model_begins_at() -> None:
    left, right = keras.Input((6, 6, 3), name="left"), keras.Input((4,), name="right")
    deep = layers.Conv2D(5, 3, name="deep")(layers.Conv2D(3, 3, name="first")(left))
    pooled = layers.GlobalAveragePooling2D()(deep)
    base = tamed(keras.Model([left, right], layers.Concatenate()([pooled, layers.Dense(2)(right)])))
    chosen = {"layer": "left", "channels": 2, "dtype": "float32", "name": "two", "weights": {"take": [1, 2]}}
    compiled = compile_spec({"spec": 1, "input": chosen}, base=base)
    x, other = pictures(6, 6, 2), pictures(4)
    padded = np.concatenate([0 * x[..., :1], x], -1)
    assert_close(compiled.model, [x, other], base, [padded, other])
    assert compiled.plan.contracts[0].text == "the function, where its channels [0] are zero"
    base = stack(layers.Conv2D(3, 3), layers.Conv2D(4, 3, name="deep"), shape=(6, 6, 3))
    tail = keras.Model(base.get_layer("deep").input, base.get_layer("deep").output)
    begun = compile_spec({**spec_of("zeros", 5), "start_at": "deep"}, base=base)
    x = pictures(4, 4, 5)
    assert_close(begun.model, x, tail, x[..., :3])


def assert_close(model: Any, x: Any, base: Any, y: Any) -> None:
    for one, other in zip(outputs_of(model, x), outputs_of(base, y), strict=True):
        assert np.abs(one - other).max() <= 1e-5 * np.abs(other).max()


def application(name: str, **arguments: Any) -> Any:
    said = {"include_top": False, "input_shape": (64, 64, 3), "pooling": "avg", **arguments}
    return tamed(getattr(keras.applications, name)(weights=None, **said))


@pytest.mark.parametrize(
    ("name", "cases"),
    [
        ("ResNet50", (SUM, REPEAT)),
        ("MobileNetV2", (SUM,)),
        pytest.param("DenseNet121", (TWICE,), marks=pytest.mark.slow),
        ("EfficientNetB0", (TURNED,)),  # its Normalization has a mean and a variance for each channel
        pytest.param("ConvNeXtTiny", (ZEROS,), marks=pytest.mark.slow),  # and this one too, as arguments
    ],
)
def test_applications(name: str, cases: tuple[Case, ...]) -> None:
    base = application(name)
    for weights, matrix in cases:
        compiled = compile_spec(spec_of(weights, len(matrix)), base=base)
        assert_is_base_on_mixed(compiled.model, base, matrix)


@pytest.mark.parametrize("name", ["VGG16", "normalized"])
def test_thirteen_bands_from_every_kind_of_file(name: str, tmp_path: Path) -> None:
    base = application("VGG16", input_shape=(32, 32, 3)) if name == "VGG16" else CHOSEN[name]()
    x = pictures(*base.input_shape[1:3], 13)
    base.save(tmp_path / "base.keras")
    base.save(tmp_path / "base.h5")
    bases: list[dict[str, Any]] = [{"file": str(tmp_path / each)} for each in ("base.keras", "base.h5")]
    if name == "VGG16":
        base.save_weights(tmp_path / "base.weights.h5")
        plain = {"application": name, "include_top": False, "input_shape": [32, 32, 3], "pooling": "avg"}
        bases.append({**plain, "weights": str(tmp_path / "base.weights.h5")})
    for number, each in enumerate(bases):
        compiled = compile_spec({**spec_of("zeros", 13), "base": each})
        compiled.model.save(tmp_path / f"{number}.keras")
        assert_close(compiled.model, x, base, x[..., :3])
        assert_close(keras.models.load_model(tmp_path / f"{number}.keras"), x, base, x[..., :3])
        formulas = {row.variable: row.formula for row in compiled.weights.of("adapted")}
        assert formulas["kernel"] == "3 old channels, and zeros for 10 new ones"
        assert formulas.get("variance") in (None, "3 old channels, and ones for 10 new ones")


PREPARED = {
    "VGG16": keras.applications.vgg16.preprocess_input,
    "MobileNetV2": keras.applications.mobilenet_v2.preprocess_input,
    "DenseNet121": keras.applications.densenet.preprocess_input,
}


@pytest.mark.parametrize("name", PREPARED)
def test_preprocessing_in_front(name: str) -> None:
    base = stack(layers.ZeroPadding2D(1), layers.Conv2D(4, 3, padding="same"), shape=(8, 8, 3))
    prepared = PREPARED[name]
    for weights, matrix in CHOICES:
        x = 255 * np.random.default_rng(1).uniform(size=(2, 8, 8, len(matrix))).astype("float32")
        compiled = compile_spec(
            {"spec": 1, "input": {"channels": len(matrix), "weights": weights, "preprocess": name}}, base=base
        )
        assert_close(compiled.model, x, base, prepared(mixed(x, matrix)))
    gray = 255 * np.random.default_rng(1).uniform(size=(2, 8, 8, 1)).astype("float32")
    spec: dict[str, Any] = {"spec": 1, "input": {"channels": 1, "weights": "sum", "preprocess": name}}
    if name != "MobileNetV2":  # whose scale is the same for all channels; others take each one's own mean away
        with pytest.raises(SpecError) as caught:
            plan_spec(spec, base=base)
        assert "has another `mean` for each channel" in caught.value.diagnostics[0].message
        first = base.inputs[0]._keras_history.operation.name
        insert = {"after": first, "with": [{"Concatenate": {}, "from": [first] * 3}]}
        steps = [{"input": {"preprocess": name}}, {"input": {"channels": 1}}, {"insert": [insert]}]
        assert f"steps: [{{input: {{preprocess: {name}}}}}, {{input: {{channels: 1}}}}, {{insert: " in str(
            caught.value.diagnostics[0].help
        )
        spec = {"spec": 1, "steps": steps}
    assert_close(compile_spec(spec, base=base).model, gray, base, prepared(gray.repeat(3, -1)))


def test_a_scale_in_front_of_what_the_zeros_around_an_image_meet() -> None:
    base = stack(layers.Conv2D(4, 3, padding="same"), layers.GlobalMaxPooling2D(), shape=(None, None, 3))
    scale = {"weights": "sum", "rescale": {"scale": "1/127.5", "offset": -1}}
    plan = plan_spec({"spec": 1, "input": {"shape": [40, 40, 1], "name": "gray", **scale}}, base=base)
    assert [each.name for each in plan.after.layers.values()][:2] == ["gray", "rescaling"]
    gray = 255 * np.random.default_rng(1).uniform(size=(2, 32, 32, 1)).astype("float32")
    compiled = compile_spec({"spec": 1, "input": {"channels": 1, **scale}}, base=base)
    assert_close(compiled.model, gray, base, gray.repeat(3, -1) / 127.5 - 1)


def test_the_way_out_of_other_channels_without_weights() -> None:
    base = application("VGG16", input_shape=(32, 32, 3))
    helps = {}
    for channels in (1, 5, 2):
        (found,) = check_spec({"spec": 1, "input": {"channels": channels}}, base=base)
        assert found.code == "SC402"
        helps[channels] = str(found.help)
    assert helps[1].startswith("add `weights: sum` to the input,")
    assert helps[5] == "add `weights: repeat` to the input,\nor add `weights: zeros` to the input"
    assert "weights: " not in helps[2]


def test_adapted_values_go_through_what_comes_later() -> None:
    base = stack(layers.Conv2D(4, 3, padding="same", name="first"), shape=(6, 6, 3))
    turned = {"channels": 3, "weights": {"take": [2, 1, 0]}}
    twice = compile_spec({"spec": 1, "steps": [{"input": turned}, {"input": turned}]}, base=base)
    assert_is_base_on_mixed(twice.model, base, np.eye(3))
    larger = {"layers": "first", "to": {"kernel_size": 5}, "weights": "centre"}
    compiled = compile_spec({**spec_of("sum", 1), "set": [larger]}, base=base)
    assert_is_base_on_mixed(compiled.model, base, SUM[1])
    (row,) = [row for row in compiled.weights.of("adapted") if row.variable == "kernel"]
    assert row.formula is not None
    with pytest.raises(SpecError, match=r"its kernel has the shape \(5, 5, 1, 4\), the values are for \(3, 3, 1, 4\)"):
        plan_spec({**spec_of("sum", 1), "set": [{"layers": "first", "to": {"kernel_size": 5}}]}, base=base)


def test_channels_change_in_several_steps() -> None:
    """The values of one step are what the next one makes others of: the matrices are multiplied."""
    image = keras.Input((6, 6, 3), name="image")
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(image))
    base = tamed(keras.Model(image, layers.Conv2D(3, 3)(x)))
    for cases in ((SUM, ("repeat", [[1 / 4]] * 4)), (TURNED, REPEAT), (TWICE, ("mean", [[1 / 4] * 4] * 2))):
        steps = [{"input": {"channels": len(matrix), "weights": weights}} for weights, matrix in cases]
        matrix = np.array(cases[1][1]) @ np.array(cases[0][1])
        compiled = compile_spec({"spec": 1, "steps": steps}, base=base)
        assert_is_base_on_mixed(compiled.model, base, matrix)
        renamed = compile_spec({"spec": 1, "steps": [steps[0], {"input": {"name": "picture"}}, steps[1]]}, base=base)
        assert_is_base_on_mixed(renamed.model, base, matrix)
        inputs = {"new": {"shape": [6, 6, len(matrix)], "feeds": "image", "weights": cases[1][0]}}
        fed = compile_spec({"spec": 1, "steps": [steps[0], {"inputs": inputs}]}, base=base)
        assert_is_base_on_mixed(fed.model, base, matrix)


def test_steps_before_that_change_what_reads_the_input() -> None:
    base = stack(layers.Conv2D(6, 3, padding="same", name="conv"), layers.Flatten(), layers.Dense(2), shape=(6, 6, 3))
    larger = {"set": {"layers": "conv", "to": {"kernel_size": 5}, "weights": "centre"}}
    noise = {"insert": {"before": "conv", "with": {"GaussianNoise": 0.3}}}
    same = {"Conv2D": {"filters": 3, "kernel_size": 1}, "weights": "identity"}
    for before in (
        larger,
        noise,
        {"widen": {"layers": "conv", "to": 11}},
        {"insert": {"before": "conv", "with": same}},
    ):
        steps = [before, {"input": {"channels": 2, "weights": "mean"}}]
        compiled = compile_spec({"spec": 1, "steps": steps}, base=base)
        assert_is_base_on_mixed(compiled.model, base, MEAN[1])


def test_a_new_layer_at_the_input_has_no_values_to_adapt() -> None:
    base = stack(layers.Conv2D(6, 3, name="conv"), shape=(6, 6, 3))
    steps = [{"insert": {"before": "conv", "with": {"Conv2D": {"filters": 3, "kernel_size": 1, "name": "new"}}}}]
    plan = plan_spec({"spec": 1, "steps": [*steps, {"input": {"channels": 5, "weights": "repeat"}}]}, base=base)
    assert plan.after.layers["new"].variables[0].shape == (1, 1, 5, 3)  # type: ignore[index]
    assert [(each.code, "is new" in each.message) for each in plan.after.warnings] == [("SC313", True)]


def test_two_inputs_that_one_kernel_reads() -> None:
    left, right = keras.Input((6, 6, 3), name="left"), keras.Input((6, 6, 2), name="right")
    base = tamed(keras.Model([left, right], layers.Conv2D(4, 3)(layers.Concatenate()([left, right]))))
    inputs = {
        "one": {"shape": [6, 6, 1], "feeds": "left", "weights": "sum"},
        "other": {"shape": [6, 6, 3], "feeds": "right", "weights": {"take": [1, 0, 1]}},
    }
    compiled = compile_spec({"spec": 1, "inputs": inputs}, base=base)
    one, other = pictures(6, 6, 1), pictures(6, 6, 3)
    wanted = base([mixed(one, SUM[1]), mixed(other, [[0, 1], [1, 0], [0, 1]])])
    np.testing.assert_allclose(compiled.model([one, other]), wanted, atol=1e-5)
