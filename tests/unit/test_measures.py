"""Multiply-adds, receptive fields and memory on graphs by hand; published figures are in tests/backend."""

from __future__ import annotations

from typing import Any

import pytest

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Shape
from spec_compiler.graph.node import Node, TensorSpec, ValueRef
from spec_compiler.plan.costs import activation_bytes, multiply_adds, peak_bytes, total
from spec_compiler.plan.receptive_field import receptive_fields
from tests.unit.graphs import residual

Arguments = dict[str, Any]


def model(*layers: tuple[str, Arguments, Shape], start: Shape = (None, 32, 32, 8), dtype: str = "float32") -> Graph:
    """A chain of layers, each a class, its arguments and its output shape; they are called `l1`, `l2` and so on."""
    specs = {"in": LayerSpec("in", "InputLayer", kind="input", variables=())}
    nodes = {"in": Node("in", "in", outputs=(TensorSpec(start, dtype),))}
    last = "in"
    for number, (cls, arguments, shape) in enumerate(layers, start=1):
        name = f"l{number}"
        specs[name] = LayerSpec(name, cls, {"class_name": cls, "config": arguments}, variables=())
        taken = arguments.get("inputs", 1)
        nodes[name] = Node(name, name, (ValueRef(last),) * taken, {}, (TensorSpec(shape, dtype),))
        last = name
    return Graph("model", specs, nodes, ValueRef("in"), ValueRef(last))


CONV = {"kernel_size": [3, 3], "strides": [1, 1], "dilation_rate": [1, 1], "groups": 1, "data_format": "channels_last"}
IMAGE: Shape = (None, 32, 32, 16)


@pytest.mark.parametrize(
    ("cls", "arguments", "start", "shape", "expected"),
    [
        ("Conv2D", CONV, (None, 32, 32, 8), IMAGE, 32 * 32 * 9 * 8 * 16),
        ("Conv2D", {**CONV, "groups": 4}, (None, 32, 32, 8), IMAGE, 32 * 32 * 9 * 2 * 16),
        ("Conv2D", {**CONV, "data_format": "channels_first"}, (None, 8, 32, 32), (None, 16, 30, 30), 900 * 9 * 8 * 16),
        ("Conv2D", CONV, (None, None, None, 8), (None, None, None, 16), None),
        ("Conv1D", {**CONV, "kernel_size": [5]}, (None, 32, 8), (None, 28, 16), 28 * 5 * 8 * 16),
        ("Conv3D", {**CONV, "kernel_size": 3}, (None, 8, 8, 8, 2), (None, 6, 6, 6, 4), 216 * 27 * 2 * 4),
        ("DepthwiseConv2D", CONV, (None, 32, 32, 8), (None, 32, 32, 16), 32 * 32 * 9 * 16),
        ("SeparableConv2D", {**CONV, "depth_multiplier": 2}, (None, 32, 32, 8), IMAGE, 32 * 32 * (9 * 16 + 16 * 16)),
        ("Conv2DTranspose", {**CONV, "strides": 2}, (None, 8, 8, 8), (None, 16, 16, 4), 64 * 9 * 8 * 4),
        ("Dense", {}, (None, 64), (None, 10), 640),
        ("Dense", {}, (None, 7, 7, 64), (None, 7, 7, 10), 49 * 640),
        ("EinsumDense", {"equation": "abc,cde->abde"}, (None, 5, 8), (None, 5, 2, 4), 5 * 8 * 2 * 4),
        ("EinsumDense", {"equation": "...x,xy->...y"}, (None, 5, 8), (None, 5, 4), None),
        ("BatchNormalization", {}, IMAGE, IMAGE, 0),
        ("mine>Dense", {}, (None, 3), (None, 2), 6),
        ("Conv2D", {"mine": True}, IMAGE, IMAGE, None),
    ],
)
def test_multiply_adds(cls: str, arguments: Arguments, start: Shape, shape: Shape, expected: int | None) -> None:
    assert multiply_adds(model((cls, arguments, shape), start=start))["l1"] == expected


def test_attention() -> None:
    arguments = {"num_heads": 2, "key_dim": 4, "value_dim": None, "inputs": 2}
    found = multiply_adds(model(("MultiHeadAttention", arguments, (None, 10, 8)), start=(None, 10, 8)))["l1"]
    projections = 4 * 10 * 8 * 8  # query, key, value and output, each (10, 8) times (8, 8)
    assert found == projections + 2 * 2 * 10 * 10 * 4


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    assert total({"a": 1, "b": None}) is None
    assert total({}) == 0


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([("Conv2D", CONV, IMAGE)], (3, 3)),
        ([("Conv2D", CONV, IMAGE), ("Conv2D", CONV, IMAGE)], (5, 5)),
        ([("Conv2D", {**CONV, "dilation_rate": [2, 1]}, IMAGE)], (5, 3)),
        ([("Conv2D", {**CONV, "strides": [2, 2]}, IMAGE), ("Conv2D", CONV, IMAGE)], (7, 7)),
        ([("MaxPooling2D", {"pool_size": [2, 2], "strides": None}, IMAGE), ("Conv2D", CONV, IMAGE)], (6, 6)),
        ([("MaxPooling2D", {"pool_size": 2, "strides": 2}, IMAGE), ("UpSampling2D", {"size": 2}, IMAGE)], (2, 2)),
        ([("GlobalAveragePooling2D", {}, (None, 16))], (None, None)),
        ([("Flatten", {}, (None, 16))], (None, None)),
        ([("ReLU", {}, IMAGE)], (1, 1)),
        ([("Conv2D", {}, IMAGE)], ()),
    ],
)
def test_receptive_field(layers: list[tuple[str, Arguments, Shape]], expected: tuple[int | None, ...]) -> None:
    graph = model(*layers)
    assert receptive_fields(graph)[f"l{len(layers)}"] == expected


def test_a_vector_has_no_receptive_field() -> None:
    assert receptive_fields(model(("Dense", {}, (None, 2)), start=(None, 8)))["l1"] == ()


def test_memory() -> None:
    graph = model(("ReLU", {}, (None, 8)), ("Dropout", {}, (None, 8)), ("Dense", {}, (None, 2)), start=(None, 8))
    assert activation_bytes(graph) == {"in": 32, "l1": 32, "l2": 0, "l3": 8}
    assert peak_bytes(graph) == 64
    half = model(("ReLU", {}, (None, 8)), start=(None, 8), dtype="float16")
    assert activation_bytes(half)["l1"] == 16
    assert peak_bytes(model(("ReLU", {}, (None, None)), start=(None, None))) is None


def test_a_shortcut_keeps_its_tensor_alive() -> None:
    assert peak_bytes(residual()) == 3 * 32  # a, b and c, until `add`
