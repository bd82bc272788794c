"""Every example spec compiles offline, and the ones that people know by heart are what Keras makes by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import compile_spec, load_spec, plan_spec
from tests.backend.conftest import assert_same_bits, outputs_of

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))
LARGE = {"vgg16_fast_stem", "vgg16_first_ten_frozen", "vgg16_block1_conv2_features"}


def offline(path: Path) -> list[str]:
    base = load_spec(path).base
    return ["base.weights=null"] if base is not None and base.weights.kind == "imagenet" else []


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_an_example_plans_and_compiles(path: Path) -> None:
    plan = plan_spec(path, overrides=offline(path))
    assert plan.name == path.stem
    compiled = compile_spec(path, overrides=offline(path))
    assert compiled.model.count_params() == plan.after.num_parameters


def frozen_names(model: Any) -> list[str]:
    return [layer.name for layer in model.layers if not layer.trainable]


def named(name: str) -> Any:
    path = next(each for each in SPECS if each.stem == name)
    return compile_spec(path, overrides=offline(path)).model


def test_the_block2_classifier_is_the_tutorials() -> None:
    model = named("vgg16_block2_classifier")
    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(160, 160, 3))
    x = base.get_layer("block2_pool").output
    x = keras.layers.Conv2D(64, 3, activation="relu")(x)
    x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(256, activation="relu")(x)
    x = keras.layers.Dropout(0.5)(x)
    by_hand = keras.Model(base.input, keras.layers.Dense(10, activation="softmax")(x))
    by_hand.set_weights(model.get_weights())
    image = np.random.default_rng(0).normal(size=(1, 160, 160, 3)).astype("float32")
    assert_same_bits(outputs_of(model, image), outputs_of(by_hand, image))
    assert frozen_names(model) == [layer.name for layer in base.layers[:7]]


def test_the_second_step_on_inception_freezes_the_first_249_layers() -> None:
    model = named("inception_v3_200_finetune")
    base = keras.applications.InceptionV3(weights=None, include_top=False)
    assert frozen_names(model) == [layer.name for layer in base.layers[:249]]
    assert model.output_shape == (None, 200)


def test_the_second_step_on_vgg16_trains_the_last_block() -> None:
    model = named("vgg16_cats_dogs_finetune")
    trained = [layer.name for layer in model.layers if layer.trainable and layer.weights]
    assert trained == ["block5_conv1", "block5_conv2", "block5_conv3", "dense", "predictions"]


@pytest.mark.parametrize(
    ("name", "inputs", "outputs"),
    [
        ("vgg19_block4_features", (None, 224, 224, 3), (None, 14, 14, 512)),
        ("vgg16_small_input_pooled", (None, 32, 64, 3), (None, 512)),
        ("vgg16_features", (None, None, None, 3), (None, None, None, 512)),
        ("inception_v3_custom_input", (None, 224, 224, 3), (None, 1000)),
        ("resnet50_classifier", (None, 224, 224, 3), (None, 1000)),
        ("resnet50_two_classes", (None, 128, 128, 3), (None, 2)),
        ("resnet50_two_classes_scratch", (None, 128, 128, 3), (None, 2)),
        ("vgg16_block1_conv2_features", (None, 224, 224, 64), (None, 224, 224, 64)),
    ],
)
def test_the_shapes_of_an_example(name: str, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> None:
    path = next(each for each in SPECS if each.stem == name)
    plan = plan_spec(path, overrides=offline(path))
    ends = [plan.after.spec_of(ref) for ref in (*plan.after.input_refs, *plan.after.output_refs)]
    assert [end.shape for end in ends if end] == [inputs, outputs]
