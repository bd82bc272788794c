"""Receptive fields, read off a graph: how much of the input one output of a node depends on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import ceil

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import Node
from spec_compiler.plan.costs import Figure, class_of, input_shape, window

Axis = tuple[int, float] | None  # how many positions of the input, and how far apart neighbours are; None: all
Field = tuple[Axis, ...]

WHOLE = re.compile(
    r"Global\w+Pooling\dD|Flatten|Reshape|Attention|\w*Attention|RNN|LSTM|GRU|\w*LSTM\dD|SimpleRNN|Bidirectional|Resizing"
)
"""What lets every output see every input. `Reshape` may do less, but which is not in its shape."""


def receptive_fields(graph: Graph) -> dict[str, tuple[Figure, ...]]:
    """How many positions of the input each output of a node depends on, for each spatial axis; None: on all of them.

    Empty where there are no spatial axes to speak of. Zero padding counts as input. See
    https://distill.pub/2019/computing-receptive-fields/.
    """
    return {name: tuple(axis and axis[0] for axis in field) for name, field in _fields(graph, {}).items()}


def _fields(graph: Graph, starts: Mapping[str, Field]) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    for name, node in graph.nodes.items():
        layer = graph.layers[node.layer]
        taken = [fields[ref.node] for ref in node.data_inputs]
        if layer.kind == "input":
            rank = max(len(node.outputs[0].shape) - 2, 0) if node.outputs else 0
            fields[name] = starts.get(name, ((1, 1.0),) * rank)
        elif layer.inner is not None:
            inner = layer.inner
            inside = _fields(inner, dict(zip((ref.node for ref in inner.input_refs), taken, strict=False)))
            fields[name] = _joined([inside[ref.node] for ref in inner.output_refs])
        else:
            try:
                fields[name] = _field(graph, node, layer, _joined(taken))
            except (KeyError, IndexError, TypeError, ValueError):  # a layer of this name that is not Keras's
                fields[name] = ()
    return fields


def _joined(fields: list[Field]) -> Field:
    """What a layer with several inputs sees: on each axis the most; axes of inputs without any are the others'."""
    ranks = {len(field) for field in fields if field}
    if len(ranks) != 1:
        return ()
    return tuple(
        None if any(axis is None for axis in axes) else max(axis for axis in axes if axis is not None)
        for axes in zip(*(field for field in fields if field), strict=True)
    )


def _field(graph: Graph, node: Node, layer: LayerSpec, taken: Field) -> Field:
    cls, rank = class_of(layer), len(taken)
    if not taken:
        return ()
    if WHOLE.fullmatch(cls) or (layer.kind == "operation" and _loses_axes(graph, node)):
        return (None,) * rank
    arguments = layer.arguments
    if re.fullmatch(r"Conv\dDTranspose", cls):
        return _stretched(taken, window(layer, rank), window(layer, rank, "strides"))
    if re.fullmatch(r"(Depthwise|Separable)?Conv\dD", cls):
        kernel, strides = window(layer, rank), window(layer, rank, "strides")
        return _slid(taken, kernel, strides, window(layer, rank, "dilation_rate"))
    if re.fullmatch(r"(Max|Average)Pooling\dD", cls):
        strides = window(layer, rank, "strides" if arguments.get("strides") is not None else "pool_size")
        return _slid(taken, window(layer, rank, "pool_size"), strides, (1,) * rank)
    if re.fullmatch(r"UpSampling\dD", cls):
        size = window(layer, rank, "size")
        reach = 1 if arguments.get("interpolation", "nearest") == "nearest" else 2  # between two neighbours
        return _stretched(taken, tuple(each * reach for each in size), size)
    return taken


def _loses_axes(graph: Graph, node: Node) -> bool:
    """Whether a plain operation reduces over positions (`keras.ops.mean`) or moves them (`reshape`, `matmul`)."""
    if class_of(graph.layers[node.layer]) in ("Matmul", "Einsum", "Reshape"):
        return True
    return bool(node.outputs) and len(node.outputs[0].shape) < len(input_shape(graph, node))


def _slid(field: Field, kernel: tuple[int, ...], strides: tuple[int, ...], dilation: tuple[int, ...]) -> Field:
    return tuple(
        axis and (round(axis[0] + (size - 1) * spread * axis[1]), axis[1] * stride)
        for axis, size, stride, spread in zip(field, kernel, strides, dilation, strict=True)
    )


def _stretched(field: Field, kernel: tuple[int, ...], strides: tuple[int, ...]) -> Field:
    return tuple(
        axis and (ceil(axis[0] + (ceil(size / stride) - 1) * axis[1]), axis[1] / stride)
        for axis, size, stride in zip(field, kernel, strides, strict=True)
    )
