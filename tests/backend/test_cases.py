"""Cases that users of neighbouring tools could not solve. Each test carries the number of its case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, compile_spec, load_spec, plan_spec
from tests.backend.base_forms import filled
from tests.backend.conftest import assert_same_bits, branching, outputs_of, randomized

SPECS = Path(__file__).parents[2] / "specs"


def small_resnet() -> Any:
    """ResNet50 without its top on small images, every weight random."""
    return randomized(
        keras.applications.ResNet50(weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg")
    )


@pytest.fixture(scope="module")
def resnet() -> Any:
    return small_resnet()


@pytest.fixture(scope="module")
def picture() -> Any:
    return np.random.default_rng(5).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")


def same_kept_weights(result: Any, base: Any, but: str = "") -> int:
    """How many layers with weights the result has from the base, every one bit-equal."""
    names = {layer.name for layer in base.layers} - {but}
    kept = [layer for layer in result.layers if layer.name in names and layer.weights]
    for layer in kept:
        assert_same_bits(layer.get_weights(), base.get_layer(layer.name).get_weights())
    return len(kept)


def code_of(error: pytest.ExceptionInfo[SpecError]) -> str:
    return error.value.diagnostics[0].code


def test_case_01_a_neutral_layer_before_every_activation(resnet: Any, picture: Any) -> None:
    entry = {"Activation": {"activation": "linear", "name": "{name}_in"}}
    compiled = compile_spec(
        {"spec": 1, "insert": [{"before": {"each": "type:Activation"}, "with": [entry]}]}, base=resnet
    )
    assert same_kept_weights(compiled.model, resnet) == sum(bool(layer.weights) for layer in resnet.layers)
    assert_same_bits(outputs_of(compiled.model, picture), outputs_of(resnet, picture))
    assert compiled.plan.count("new") == sum(type(layer) is keras.layers.Activation for layer in resnet.layers)
    for layer in compiled.model.layers:
        if isinstance(layer, keras.layers.Add):
            assert len(layer.input) == 2


def test_case_03_a_range_with_a_side_consumer_is_refused(resnet: Any) -> None:
    spec = {"replace": [{"layers": "conv2_block2_out..conv2_block3_2_relu", "with": [{"Conv2D": [64, 1]}]}], "spec": 1}
    spec["replace"][0]["with"] = [{"Conv2D": {"filters": 64, "kernel_size": 1}}]  # type: ignore[index]
    with pytest.raises(SpecError) as caught:
        plan_spec(spec, base=resnet)
    assert code_of(caught) == "SC302"
    assert "`conv2_block2_out` → `conv2_block3_add`" in caught.value.diagnostics[0].message


def test_case_04_the_last_layer_goes(tmp_path: Path) -> None:
    compiled = compile_spec({"spec": 1, "base": {"application": "VGG16", "weights": None}, "cut_at": "fc2"})
    assert compiled.model.output_shape == (None, 4096)
    compiled.model.save(tmp_path / "cut.keras")
    reloaded = keras.models.load_model(tmp_path / "cut.keras")
    assert "predictions" not in {layer.name for layer in reloaded.layers}
    assert reloaded.output_shape == (None, 4096)


def test_case_05_one_element_of_a_list_misses() -> None:
    text = "spec: 1\nbase: {application: VGG16, weights: null}\nfreeze: [block1_*, blok2_*]\n"
    with pytest.raises(SpecError) as caught:
        plan_spec(text)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.line, diagnostic.column) == ("SC201", 3, 20)
    assert diagnostic.help == "did you mean `block2_*`?"


def test_case_06_frozen_means_frozen_on_resnet50(picture: Any) -> None:
    spec = {"spec": 1, "head": [{"Dense": {"units": 2, "name": "new"}}], "freeze": "..conv4_block6_out"}
    model = compile_spec(spec, base=small_resnet()).model
    frozen = [layer for layer in model.layers if not layer.trainable and layer.weights]
    assert any(isinstance(layer, keras.layers.BatchNormalization) for layer in frozen)
    before = [layer.get_weights() for layer in frozen]
    free = model.get_layer("conv5_block3_3_conv").get_weights()
    moving = model.get_layer("conv5_block3_3_bn").get_weights()
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(picture, np.array([0, 1]), verbose=0)
    assert_same_bits([layer.get_weights() for layer in frozen], before)
    assert not np.array_equal(model.get_layer("conv5_block3_3_conv").get_weights()[0], free[0])
    assert not np.array_equal(model.get_layer("conv5_block3_3_bn").get_weights()[2], moving[2])


def test_case_08_gray_pictures_for_vgg16() -> None:
    base = randomized(keras.applications.VGG16(weights=None, input_shape=(64, 64, 3), classes=7))
    compiled = compile_spec({"spec": 1, "input": {"channels": 1, "weights": "sum"}}, base=base)
    gray = np.random.default_rng(2).uniform(-1, 1, (2, 64, 64, 1)).astype("float32")
    (wanted,) = outputs_of(base, gray.repeat(3, axis=-1))
    np.testing.assert_allclose(outputs_of(compiled.model, gray)[0], wanted, atol=1e-5, rtol=0)
    assert [each.text for each in compiled.plan.contracts] == ["the function, on 3 equal channels"]
    assert same_kept_weights(compiled.model, base, but="block1_conv1") == 15


def test_case_08_gray_pictures_for_weights_that_were_trained(photograph: Any) -> None:
    spec = load_spec(SPECS / "vgg16_hed_fast_stem.yaml").source.data
    colour = {key: spec[key] for key in ("spec", "base")}
    gray = photograph.mean(-1, keepdims=True)
    (wanted,) = outputs_of(compile_spec(colour).model, gray.repeat(3, axis=-1))
    compiled = compile_spec({**colour, "input": {"channels": 1, "weights": "sum"}})
    assert np.abs(wanted).max() > 1
    assert np.abs(outputs_of(compiled.model, gray)[0] - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_case_09_five_bands(resnet: Any) -> None:
    compiled = compile_spec({"spec": 1, "input": {"channels": 5, "weights": "repeat"}}, base=resnet)
    old = resnet.get_layer("conv1_conv").get_weights()[0]
    by_hand = np.concatenate([old, old[:, :, :2]], axis=2) * np.float32(3 / 5)
    assert_same_bits(compiled.model.get_layer("conv1_conv").get_weights()[0], by_hand)
    (row,) = compiled.weights.of("adapted")
    assert (row.layer, row.variable, row.formula) == (
        "conv1_conv",
        "kernel",
        "3 old channels repeated over 5, scaled 3/5",
    )
    assert compiled.model(np.zeros((1, 32, 32, 5), "float32")).shape == (1, 2048)
    assert [each.preserves for each in compiled.plan.contracts] == ["not"]


def test_case_10_another_size_with_the_top_on() -> None:
    text = "spec: 1\nbase: {application: VGG16, weights: null}\ninput: {shape: [320, 320, 3]}\n"
    with pytest.raises(SpecError) as caught:
        plan_spec(text)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.line, diagnostic.column) == ("SC402", 3, 16)
    assert "`fc1`" in diagnostic.message
    assert "25088" in diagnostic.message
    assert "51200" in diagnostic.message
    convolution = "{Conv2D: {filters: 4096, kernel_size: 7, activation: relu, name: fc1}"
    assert f"`{convolution}, weights: {{of: fc1, reshape: dense_to_conv}}}}`" in (diagnostic.help or "")
    assert "`cut_at: flatten`" in (diagnostic.help or "")
    for way in ({"cut_at": "flatten"}, {"replace": [{"layers": "fc1", "with": [{"Dense": 4096}]}]}):
        spec = {"spec": 1, "base": {"application": "VGG16", "weights": None}, "input": {"shape": [320, 320, 3]}, **way}
        assert plan_spec(spec).after.input_refs


def test_case_11_fully_convolutional_vgg16() -> None:
    base = keras.applications.VGG16(weights=None)
    random = np.random.default_rng(3)
    for variable in base.weights:
        if variable.name == "bias":
            variable.assign(random.normal(size=variable.shape, scale=0.3))
    heads = (("fc1", 7, 4096, "relu"), ("fc2", 1, 4096, "relu"), ("predictions", 1, 1000, "softmax"))
    chain = [
        {
            "Conv2D": {"filters": width, "kernel_size": size, "activation": activation, "name": name},
            "weights": {"of": name, "reshape": "dense_to_conv"},
        }
        for name, size, width, activation in heads
    ]
    spec = {"input": {"shape": [None, None, 3]}, "replace": {"layers": "flatten..predictions", "with": chain}}
    compiled = compile_spec({"spec": 1, **spec}, base=base)
    assert {each.preserves for each in compiled.plan.contracts} == {"exact"}
    picture = random.uniform(-1, 1, (1, 224, 224, 3)).astype("float32")
    wanted = outputs_of(base, picture)[0]
    np.testing.assert_allclose(outputs_of(compiled.model, picture)[0][:, 0, 0], wanted, rtol=1e-3, atol=1e-7)
    picture = random.uniform(-1, 1, (1, 320, 320, 3)).astype("float32")
    model = compiled.model
    features = keras.Model(model.input, [model.get_layer("block5_pool").output, model.output])
    seen, classes = outputs_of(features, picture)
    assert classes.shape == (1, 4, 4, 1000)
    x = seen[:, 1:8, 2:9].reshape(1, -1)  # what the place (1, 2) of the map sees
    for name, *_ in heads:
        x = base.get_layer(name)(x)
    np.testing.assert_allclose(classes[:, 1, 2], keras.ops.convert_to_numpy(x), rtol=1e-3, atol=1e-7)


def test_case_12_two_backbones_in_one_model(tmp_path: Path, picture: Any) -> None:
    base = {
        "application": "ResNet50",
        "weights": None,
        "include_top": False,
        "input_shape": [32, 32, 3],
        "pooling": "avg",
    }
    spec = {
        "spec": 1,
        "bases": {"a": base, "b": base},
        "head": [{"Concatenate": {"name": "both"}, "from": ["a/avg_pool", "b/avg_pool"]}, {"Dense": 3}],
        "freeze": "a/*",
    }
    compiled = compile_spec(spec)
    names = [layer.name for layer in compiled.model.layers]
    assert len(set(names)) == len(names)
    assert {"a_conv1_conv", "b_conv1_conv"} <= set(names)
    assert not compiled.model.get_layer("a_conv1_conv").trainable
    compiled.model.save(tmp_path / "two.keras")
    reloaded = keras.models.load_model(tmp_path / "two.keras")
    assert_same_bits(outputs_of(reloaded, [picture, picture]), outputs_of(compiled.model, [picture, picture]))


def siamese() -> Any:
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    tower = keras.layers.Dense(3, name="tower", activation="relu")
    return randomized(keras.Model([left, right], keras.layers.Subtract(name="diff")([tower(left), tower(right)])))


def test_case_13_a_shared_layer_is_ambiguous_without_an_index() -> None:
    with pytest.raises(SpecError) as caught:
        plan_spec({"spec": 1, "cut_at": "tower"}, base=siamese())
    assert code_of(caught) == "SC208"
    assert "`tower@0`, `tower@1`" in (caught.value.diagnostics[0].help or "")
    base = siamese()
    right = [np.ones((2, 4), "float32")]
    cut = compile_spec({"spec": 1, "cut_at": "tower@1"}, base=base).model
    assert_same_bits(outputs_of(cut, right), [keras.ops.convert_to_numpy(base.get_layer("tower")(right[0]))])


def test_case_13_a_replacement_stays_one_shared_layer() -> None:
    entry = {"Dense": {"units": 3, "name": "new"}}
    compiled = compile_spec({"spec": 1, "replace": [{"layers": {"each": "tower"}, "with": [entry]}]}, base=siamese())
    assert [layer.name for layer in compiled.model.layers] == ["left", "right", "new", "diff"]
    same = np.ones((2, 4), "float32")
    assert_same_bits(outputs_of(compiled.model, [same, same]), [np.zeros((2, 3), "float32")])


def test_case_13_an_edit_that_separates_the_calls_says_so() -> None:
    entry = {"Dense": {"units": 3, "name": "new"}}
    plan = plan_spec({"spec": 1, "replace": [{"layers": "tower@0", "with": [entry]}]}, base=siamese())
    assert [each.code for each in plan.after.warnings] == ["SC305"]


@pytest.fixture(scope="module")
def nested() -> Any:
    inner = keras.applications.EfficientNetB0(weights=None, include_top=False, pooling="avg", input_shape=(32, 32, 3))
    inputs = keras.Input((32, 32, 3), name="picture")
    tail = keras.Sequential([keras.Input((1280,)), keras.layers.Dense(6, activation="relu")], name="tail")
    x = tail(inner(inputs, training=False))
    return randomized(keras.Model(inputs, keras.layers.Dense(3, name="top")(x), name="outer"))


def test_case_14_a_nested_base_is_opened_where_a_selector_reaches_in(nested: Any, picture: Any) -> None:
    spec = {"spec": 1, "set": [{"layers": "efficientnetb0/block2a_expand_conv", "to": {"kernel_regularizer": "l2"}}]}
    compiled = compile_spec(spec, base=nested)
    names = {layer.name for layer in compiled.model.layers}
    assert "block2a_expand_conv" in names
    assert "efficientnetb0" not in names
    assert isinstance(compiled.model.get_layer("tail"), keras.Sequential)
    closed = compile_spec({"spec": 1, "freeze": "efficientnetb0/block2a_*"}, base=nested).model
    inner = closed.get_layer("efficientnetb0")  # which only flags are set in
    inside = {layer.name for layer in inner.layers if not layer.trainable}
    assert inside
    assert all(name.startswith("block2a_") for name in inside)
    assert_same_bits(outputs_of(compiled.model, picture), outputs_of(nested, picture))
    assert not compiled.weights.of("dropped")
    assert compiled.plan.before.num_parameters == nested.count_params()


def test_case_14_edits_and_taps_inside_a_nested_base(nested: Any, picture: Any) -> None:
    inner = nested.get_layer("efficientnetb0")
    tap = compile_spec({"spec": 1, "cut_at": "efficientnetb0/block2a_activation"}, base=nested).model
    by_hand = keras.Model(inner.input, inner.get_layer("block2a_activation").output)
    assert_same_bits(outputs_of(tap, picture), outputs_of(by_hand, picture))
    dropped = compile_spec({"spec": 1, "remove": "efficientnetb0/block2b_drop"}, base=nested).model
    assert "block2b_drop" not in {layer.name for layer in dropped.layers}
    assert_same_bits(outputs_of(dropped, picture), outputs_of(nested, picture))


def test_case_14_a_nested_call_trains_as_it_did_when_it_is_opened(nested: Any, picture: Any) -> None:
    spec = {"spec": 1, "set": [{"layers": "efficientnetb0/block2a_expand_conv", "to": {"kernel_regularizer": "l2"}}]}
    model = compile_spec(spec, base=nested).model
    calls = model.get_layer("stem_bn")._inbound_nodes
    assert calls[-1].arguments.kwargs["training"] is False  # as the nested model was called
    before = [layer.get_weights() for layer in (nested.get_layer("efficientnetb0"), model.get_layer("stem_bn"))]
    nested(picture, training=True)  # Keras lets the outer call's flag win, and so must the opened model
    model(picture, training=True)
    stem = nested.get_layer("efficientnetb0").get_layer("stem_bn")
    assert_same_bits(model.get_layer("stem_bn").get_weights(), stem.get_weights())
    nested.get_layer("efficientnetb0").set_weights(before[0])


def test_case_15_raw_operations_survive(tmp_path: Path, picture: Any) -> None:
    base = randomized(
        keras.applications.MobileNetV3Small(weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg")
    )
    operations = [op for op in base.operations if not isinstance(op, keras.Layer)]
    spec = {"spec": 1, "head": [{"Dense": {"units": 4, "name": "new"}}]}
    model = compile_spec(spec, base=base).model
    assert len([op for op in model.operations if not isinstance(op, keras.Layer)]) == len(operations)
    body = keras.Model(model.input, model.get_layer("new").input)
    assert_same_bits(outputs_of(body, picture), outputs_of(base, picture))
    model.save(tmp_path / "raw.keras")
    reloaded = keras.models.load_model(tmp_path / "raw.keras")
    assert_same_bits(outputs_of(reloaded, picture), outputs_of(model, picture))
    compiled = compile_spec({"spec": 1, "base": {"file": str(tmp_path / "raw.keras")}, "cut_at": "new"})
    assert_same_bits(outputs_of(compiled.model, picture), outputs_of(model, picture))


def test_case_16_a_lambda_in_the_base(tmp_path: Path) -> None:
    factor = 3.0
    inputs = keras.Input((2,))
    x = keras.layers.Lambda(lambda tensor: tensor * factor, name="triple")(inputs)
    base = keras.Model(inputs, keras.layers.Dense(2, name="top")(x))
    compiled = compile_spec({"spec": 1, "cut_at": "triple"}, base=base)
    assert_same_bits(outputs_of(compiled.model, np.ones((1, 2), "float32")), [np.full((1, 2), 3.0, "float32")])
    assert [each.code for each in compiled.warnings] == ["SC509"]
    base.save(tmp_path / "lambda.keras")
    with pytest.raises(SpecError) as caught:
        compile_spec({"spec": 1, "base": {"file": str(tmp_path / "lambda.keras")}})
    assert code_of(caught) == "SC112"
    trusted = compile_spec({"spec": 1, "base": {"file": str(tmp_path / "lambda.keras")}}, allow_code=True)
    two = np.ones((1, 2), "float32")
    assert_same_bits(outputs_of(trusted.model, two), outputs_of(base, two))
    assert "trust" in (caught.value.diagnostics[0].help or "")


def test_case_17_a_regulariser_on_every_convolution(tmp_path: Path, resnet: Any) -> None:
    spec = {"spec": 1, "set": [{"layers": "type:Conv2D", "to": {"kernel_regularizer": {"L2": 1e-4}}}]}
    compiled = compile_spec(spec, base=resnet)
    convolutions = sum(type(layer) is keras.layers.Conv2D for layer in resnet.layers)
    assert len(compiled.model.losses) == convolutions == 53
    assert_same_bits(compiled.model.get_weights(), resnet.get_weights())
    compiled.model.save(tmp_path / "regular.keras")
    reloaded = keras.models.load_model(tmp_path / "regular.keras")
    assert len(reloaded.losses) == convolutions
    assert compiled.plan.count("changed") == convolutions


def test_case_18_every_relu_becomes_swish(branching_model: Any, images: Any) -> None:
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="fused")(inputs)
    x = keras.layers.Activation("relu", name="named")(x)
    x = keras.layers.ReLU(name="own")(x)
    base = randomized(keras.Model(inputs, keras.layers.Dense(2, activation="softmax", name="top")(x)))
    spec = {
        "spec": 1,
        "set": [
            {"layers": {"layers": "all", "where": {"activation": "relu"}, "expect": 2}, "to": {"activation": "swish"}}
        ],
        "replace": [
            {"layers": {"each": "type:ReLU"}, "with": [{"Activation": {"activation": "swish", "name": "{name}"}}]}
        ],
    }
    compiled = compile_spec(spec, base=base)
    assert (compiled.plan.count("changed"), compiled.plan.count("new"), compiled.plan.count("dropped")) == (2, 1, 1)
    assert_same_bits(compiled.model.get_weights(), base.get_weights())
    x = base.get_layer("fused")
    by_hand = keras.ops.silu(keras.ops.conv(images, x.kernel, padding="valid") + x.bias)
    by_hand = base.get_layer("top")(keras.ops.silu(keras.ops.silu(by_hand)))
    np.testing.assert_allclose(
        outputs_of(compiled.model, images)[0], keras.ops.convert_to_numpy(by_hand), rtol=1e-5, atol=1e-6
    )


def test_case_19_group_normalization_takes_gamma_and_beta() -> None:
    base = filled(branching())
    entry = {"GroupNormalization": {"groups": 2, "name": "{name}"}, "weights": {"of": "{name}"}}
    spec = {"spec": 1, "replace": {"layers": {"each": "type:BatchNormalization"}, "with": entry}}
    compiled = compile_spec(spec, base=base)
    names = ("block1_bn", "block2_bn")
    for name in names:
        assert_same_bits(compiled.model.get_layer(name).get_weights(), base.get_layer(name).get_weights()[:2])
    (contract,) = compiled.plan.contracts
    assert (contract.preserves, contract.layers) == ("not", names)
    dropped = [(row.layer, row.variable) for row in compiled.weights.rows if row.action == "dropped"]
    assert dropped == [(name, each) for name in names for each in ("moving_mean", "moving_variance")]
    assert not [row for row in compiled.weights.rows if row.action == "initialized"]


def test_case_20_a_layer_becomes_a_residual_block(branching_model: Any, images: Any) -> None:
    spec = {
        "spec": 1,
        "cut_at": "block1_conv1",
        "head": [
            {"Conv2D": {"filters": 8, "kernel_size": 3, "padding": "same", "name": "inside"}},
            {"Add": {"name": "sum"}, "from": ["inside", "block1_conv1"]},
        ],
    }
    model = compile_spec(spec, base=branching_model).model
    assert {tensor._keras_history.operation.name for tensor in model.get_layer("sum").input} == {
        "inside",
        "block1_conv1",
    }
    inner = keras.Model(model.input, [model.get_layer("inside").output, model.get_layer("block1_conv1").output])
    one, other = outputs_of(inner, images)
    assert_same_bits(outputs_of(model, images), [one + other])


def test_case_21_a_feature_pyramid(tmp_path: Path, resnet: Any, picture: Any) -> None:
    taps = {
        "stride2": "conv1_relu",
        "stride4": "conv2_block3_out",
        "stride8": "conv3_block4_out",
        "stride16": "conv4_block6_out",
        "stride32": "conv5_block3_out",
    }
    model = compile_spec({"spec": 1, "outputs": taps}, base=resnet).model
    assert list(model.output) == list(taps)
    assert [tensor.shape[1] for tensor in model.output.values()] == [16, 8, 4, 2, 1]
    by_hand = keras.Model(resnet.input, {name: resnet.get_layer(layer).output for name, layer in taps.items()})
    expected = by_hand(picture, training=False)
    model.save(tmp_path / "pyramid.keras")
    reloaded = keras.models.load_model(tmp_path / "pyramid.keras")
    for each in (model, reloaded):
        assert list(each.output) == list(taps)
        found = each(picture, training=False)
        for name in taps:
            assert_same_bits(keras.ops.convert_to_numpy(found[name]), keras.ops.convert_to_numpy(expected[name]))
    listed = compile_spec({"spec": 1, "outputs": list(taps.values())}, base=resnet).model
    assert [tensor.shape[1] for tensor in listed.outputs] == [16, 8, 4, 2, 1]


def test_case_22_a_unet_on_vgg16() -> None:
    compiled = compile_spec(Path(__file__).parents[2] / "specs" / "vgg16_unet.yaml", overrides=["base.weights=null"])
    model = compiled.model
    assert model.output_shape == (None, 128, 128, 1)
    images = np.random.default_rng(0).normal(size=(1, 128, 128, 3)).astype("float32")
    masks = (images[..., :1] > 0).astype("float32")
    model.compile("adam", "binary_crossentropy")
    before = model.get_layer("mask").get_weights()[0].copy()
    model.fit(images, masks, verbose=0)
    assert not np.array_equal(before, model.get_layer("mask").get_weights()[0])


def test_case_23_add_to_concatenate_names_all_that_no_longer_fit() -> None:
    with pytest.raises(SpecError) as caught:
        plan_spec({"spec": 1, "replace": [{"layers": "block1_add", "with": ["Concatenate"]}]}, base=branching())
    found = {each.message.split("`")[1]: each.code for each in caught.value.diagnostics}
    assert found == {"block2_conv1": "SC402", "block2_add": "SC401"}
    assert all(each.path[:2] == ("replace", 0) for each in caught.value.diagnostics)
    fixed = {
        "spec": 1,
        "replace": [
            {
                "layers": "block1_add",
                "with": ["Concatenate", {"Conv2D": {"filters": 8, "kernel_size": 1, "name": "mix"}}],
            }
        ],
    }
    model = compile_spec(fixed, base=branching()).model
    assert model.get_layer("mix").input.shape == (None, 16, 16, 16)
