"""What `memory/shapes` works out of a call, and what Keras says of the same: layer, config, variables and outputs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import keras
import pytest

from spec_compiler import SpecError
from spec_compiler.backend.catalogue.known import JOINS, keep_templates
from spec_compiler.backend.catalogue.sizes import TRIED, made, step
from spec_compiler.backend.models.fresh_layers import Custom, make_layer
from spec_compiler.backend.models.reader import read_layer, tensor_spec
from spec_compiler.backend.models.symbolic import skeleton
from spec_compiler.files import HERE
from spec_compiler.graph.layer_spec import LayerSpec, Origin, Shape
from spec_compiler.graph.node import Node, TensorSpec, ValueRef
from spec_compiler.graph.plain import layer_to_plain, to_plain
from spec_compiler.keras_facts.application_sizes import sizes
from spec_compiler.memory import cache
from spec_compiler.memory.bases import templates_key
from spec_compiler.memory.shapes import worked_out
from spec_compiler.memory.shapes.at_size import at_size
from spec_compiler.memory.shapes.rules import RULES

Arguments = dict[str, Any]
SHAPES: list[Shape] = [
    (None, 8), (None, 8, 4), (None, 8, 6, 4), (None, 9, 7, 8), (None, None, None, 4), (None, 4, 6, 8, 4),
    (None, None, 6), (None, 8, 1, 4), (None, 1, 1, 4), (2, 8, 4),
]  # fmt: skip
VALUES: Mapping[str, list[Any]] = {
    "activation": ["relu", "swish", None, "hard_swish", "linear", "leaky_relu"],
    "initializer": ["he_normal", "zeros", {"RandomNormal": {"stddev": 0.1}}, {"Constant": 2.0}],
    "regularizer": ["l2", {"L2": 1e-3}, {"L1L2": {"l1": 0.1}}, None],
    "constraint": [{"MaxNorm": 3}, None, "unit_norm"],
    "use_bias": [True, False], "padding": ["same", "valid", "SAME"], "strides": [1, 2], "dilation_rate": [1, 2],
    "groups": [1, 2], "depth_multiplier": [1, 2], "trainable": [True, False], "keepdims": [True, False],
    "center": [True, False], "scale": [True, False], "axis": [-1, 3, 1], "momentum": [0.9], "epsilon": [1e-5],
    "seed": [3], "dtype": ["float32", "float16"], "rate": [0, 0.5, 0.2], "output_padding": [None, 1],
    "negative_slope": [0.1], "max_value": [6.0], "rms_scaling": [True, False], "renorm": [True, False],
    "shared_axes": [None, [1, 2], [1]], "interpolation": ["bilinear", "nearest"], "offset": [-1.0], "invert": [True],
}  # fmt: skip
SAID: Mapping[str, Mapping[str, list[Any]]] = {
    "Rescaling": {"scale": [2, 0.5]},
    "ZeroPadding2D": {"padding": [1, [1, 2], [[1, 2], [0, 3]]]},
    "Cropping2D": {"cropping": [1, [1, 2], [[1, 2], [0, 3]], 6]},
    "UpSampling2D": {"size": [2, 3, [2, 3]]},
    "Reshape": {"target_shape": [[-1], [4, -1], [8, 8, 4], [7, -1]]},
    "Permute": {"dims": [[2, 1], [3, 1, 2], [1]]},
    "GroupNormalization": {"groups": [1, 2, 3, -1, 4]},
    "LayerNormalization": {"axis": [-1, 3, 1, [-1], [1, 2]]},
    "Softmax": {"axis": [-1, 1]},
    "Concatenate": {"axis": [-1, 1, 3, 0]},
    **{name: {"factor": [0.1, [0.1, 0.2]]} for name in ("RandomRotation", "RandomContrast", "RandomBrightness")},
}


def arguments_of(name: str, draw: random.Random) -> Arguments:
    """Arguments of a class, some of them at no default."""
    from spec_compiler.keras_facts.catalogue import class_record

    record, rank = class_record(name, "layer"), int(name[-2]) if name[-1] == "D" else 2
    assert record is not None
    drawn: Arguments = {}
    for key, each in record["arguments"].items():
        rare = key in ("dtype", "renorm")
        if not each.get("required") and draw.random() < (0.95 if rare else 0.6):
            continue
        own: list[Any] = list(SAID.get(name, {}).get(key, VALUES.get(str(each.get("kind")), VALUES.get(key, []))))
        if key in ("filters", "units"):
            own = [4, 6, 8]
        elif key in ("kernel_size", "pool_size"):
            own = [1, 2, 3, [2] * rank]
        elif key in ("height", "width", "n"):
            own = [5]
        elif key in ("stddev", "height_factor", "width_factor"):
            own = [0.1]
        if own:
            drawn[key] = draw.choice(own)
    return drawn


@pytest.fixture(scope="module")
def templates() -> Mapping[str, Any]:
    keep_templates()
    key = templates_key()
    assert key is not None
    kept: Mapping[str, Any] = cache.recall(key) or {}
    return kept


def said_by_keras(layer: LayerSpec, shapes: list[Shape]) -> Any:
    def call() -> Any:
        made = make_layer(layer, Custom(), HERE)
        inputs = [keras.Input(batch_shape=shape) for shape in shapes]
        output = made(inputs if len(inputs) > 1 else inputs[0])
        return layer_to_plain(read_layer(made)), (tensor_spec(output),)

    try:
        return skeleton(call)
    except (SpecError, ValueError, TypeError, IndexError):
        return None


@pytest.mark.parametrize("count", [400, pytest.param(6_000, marks=pytest.mark.slow)])
def test_calls_are_as_keras_says(count: int, templates: Mapping[str, Any]) -> None:
    draw = random.Random(count)
    outcomes: Counter[tuple[str, str]] = Counter()
    for _ in range(count):
        name = draw.choice(sorted(RULES))
        number = draw.choice([2, 3]) if name in JOINS else 1
        shape = draw.choice(SHAPES)
        shapes = [shape, *([tuple(draw.choice([size, size, 1]) for size in shape)] * (number - 1))]
        arguments = arguments_of(name, draw)
        layer = LayerSpec("mine", name, {"class_name": name, "config": arguments}, origin=Origin("head", ("head", 0)))
        inputs = {f"input{index}": each for index, each in enumerate(shapes)}
        nodes = {key: Node(key, key, outputs=(TensorSpec(each),)) for key, each in inputs.items()}
        refs = [ValueRef(key) for key in inputs]
        found = worked_out(Node("mine", "mine", (refs if number > 1 else refs[0],)), layer, nodes, templates)
        if found is None:
            outcomes[name, "unknown"] += 1
            continue
        wrong = f"{name}({arguments}) on {shapes}"
        assert (layer_to_plain(found[1]), found[0]) == said_by_keras(layer, shapes), wrong
        outcomes[name, "known"] += 1
    if count > 1_000:  # no rule that never says anything
        assert {name for name in RULES if not outcomes[name, "known"]} == set()


def test_a_wrong_rule_is_found(templates: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from spec_compiler.memory.shapes import rules

    def wrong(size: int | None, window: int, stride: int, padding: str, dilation: int = 1) -> int | None:
        return None if size is None else size // stride

    monkeypatch.setattr(rules, "_windows", wrong)
    check: Callable[[int, Mapping[str, Any]], None] = test_calls_are_as_keras_says
    with pytest.raises(AssertionError):
        check(400, templates)


@pytest.mark.parametrize("size", [(97, 101), (160, 224)])
@pytest.mark.parametrize("name", ["VGG16", "ResNet50", "EfficientNetB0"])
def test_an_application_at_another_size(name: str, size: tuple[int, int]) -> None:
    found, asked = at_size(made(name, None), (*size, 3)), made(name, None, input_shape=[*size, 3])
    assert found is not None
    is_known = size[0] % sizes()["step"][name] == 0
    assert (to_plain(found) == to_plain(asked)) == is_known


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["DenseNet121", "EfficientNetB0", "InceptionV3", "MobileNet", "NASNetMobile", "Xception"]
)
def test_the_sizes_are_as_keras_says(name: str) -> None:
    assert sizes()["keras"] == keras.__version__
    assert sizes()["tried"] == [list(size) for each in TRIED.values() for size in each]
    assert sizes()["step"].get(name) == step(name)
