"""What a model costs, read off its graph: multiply-adds and memory of activations.

Everything is for one example and in the forward pass; a size that the graph leaves open makes a figure None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from math import prod

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Shape
from spec_compiler.graph.node import Node
from spec_compiler.keras_facts.function_names import bare

# Of dtypes whose names do not end in their bits; four bits take a byte as well, no backend packs them in memory.
BYTES = {"bool": 1, "int4": 1, "uint4": 1, "bfloat16": 2, "float8_e4m3fn": 1, "float8_e5m2": 1}
NOT_COMPUTED = ("InputLayer", "Flatten", "Reshape", "Dropout", "Identity", "Permute")  # hand their input on

Figure = int | None


def multiply_adds(graph: Graph) -> dict[str, Figure]:
    """Multiply-adds of each node for one example: of convolutions, products of matrices and attention; others count 0.

    Two of the published FLOPs are one multiply-add. Biases, activations and normalisations do not count, as in the
    published figures.

    >>> multiply_adds(Graph("empty", {}, {}, (), ()))
    {}
    """
    return {name: _multiply_adds(graph, node) for name, node in graph.nodes.items()}


def total(figures: Mapping[str, Figure]) -> Figure:
    """The sum, None where a figure is not known.

    >>> total({"a": 2, "b": None}), total({"a": 2, "b": 3})
    (None, 5)
    """
    numbers = [figure for figure in figures.values() if figure is not None]
    return sum(numbers) if len(numbers) == len(figures) else None  # a part would look like the whole


def activation_bytes(graph: Graph) -> dict[str, Figure]:
    """Bytes of each node's outputs for one example; times the batch size, what training keeps where all layers train.

    Layers that only hand their input on in another shape take none: `Flatten`, `Reshape`, and `Dropout` as predicting.
    """
    return {name: _output_bytes(graph, node) for name, node in graph.nodes.items()}


def peak_bytes(graph: Graph) -> Figure:
    """The most bytes of activations alive at once for one example, when each tensor goes after its last use.

    It is what prediction needs if nodes run in the graph's order and nothing is fused.
    """
    sizes = {
        name: prod(_sizes(node.outputs[0].shape[1:])) * item_bytes(node.outputs[0].dtype)
        for name, node in graph.nodes.items()
        if node.outputs and None not in node.outputs[0].shape[1:]
    }
    return most_alive(graph, sizes, {ref.node for ref in graph.output_refs}) if len(sizes) == len(graph.nodes) else None


def most_alive(graph: Graph, sizes: Mapping[str, int], staying: Collection[str]) -> int:
    """The most of these sizes alive at once when nodes run in order and each goes after its last use, or stays."""
    order = {name: index for index, name in enumerate(graph.nodes)}
    leaving: dict[int, list[str]] = {}
    for name in order:
        if name not in staying:
            last = max((order[user] for user in graph.consumers[name]), default=order[name])
            leaving.setdefault(last, []).append(name)
    alive = most = 0
    for name, index in order.items():
        alive += sizes[name]
        most = max(most, alive)
        alive -= sum(sizes[gone] for gone in leaving.get(index, ()))
    return most


# multiply-adds


def _multiply_adds(graph: Graph, node: Node) -> Figure:
    layer = graph.layers[node.layer]
    if layer.inner is not None:
        return total(multiply_adds(layer.inner))
    count = COUNTS.get(class_of(layer))
    if count is None or not node.outputs:
        return 0
    try:
        return count(graph, node, layer)
    except (KeyError, IndexError, TypeError, ValueError):  # an open size, or a layer of this name that is not Keras's
        return None


def class_of(layer: LayerSpec) -> str:
    """The layer's class without its package or module."""
    return bare(layer.class_name)


def _sizes(shape: Shape) -> list[int]:
    """The sizes of axes.

    Raises:
        ValueError: one of them is open.
    """
    sizes = [size for size in shape if size is not None]
    if len(sizes) < len(shape):
        raise ValueError("an open size")
    return sizes


def _channels(layer: LayerSpec, shape: Shape) -> int:
    axis = 1 if layer.arguments.get("data_format") == "channels_first" else -1
    return _sizes((shape[axis],))[0]


def _positions(layer: LayerSpec, shape: Shape) -> int:
    """How many places an image has."""
    is_first = layer.arguments.get("data_format") == "channels_first"
    return prod(_sizes(shape[2:] if is_first else shape[1:-1]))


def input_shape(graph: Graph, node: Node, index: int = 0) -> Shape:
    """The shape of one of the tensors that a node computes on."""
    spec = graph.spec_of(node.data_inputs[index])
    if spec is None:
        raise ValueError("no shape yet")
    return spec.shape


def window(layer: LayerSpec, rank: int, key: str = "kernel_size") -> tuple[int, ...]:
    """An argument of a window, such as `kernel_size`, for each spatial axis."""
    value = layer.arguments[key]
    return (int(value),) * rank if isinstance(value, int) else tuple(map(int, value))


def _kernel(layer: LayerSpec, shape: Shape) -> int:
    """How many places of an image a kernel sees at once."""
    return prod(window(layer, len(shape) - 2))


def _convolution(graph: Graph, node: Node, layer: LayerSpec) -> int:
    shape = node.outputs[0].shape
    inputs = _channels(layer, input_shape(graph, node)) // int(layer.arguments.get("groups") or 1)
    return _positions(layer, shape) * _kernel(layer, shape) * inputs * _channels(layer, shape)


def _transposed(graph: Graph, node: Node, layer: LayerSpec) -> int:
    taken, shape = input_shape(graph, node), node.outputs[0].shape  # the kernel is laid onto every place of the input
    return _positions(layer, taken) * _kernel(layer, shape) * _channels(layer, taken) * _channels(layer, shape)


def _depthwise(graph: Graph, node: Node, layer: LayerSpec) -> int:
    shape = node.outputs[0].shape
    return _positions(layer, shape) * _kernel(layer, shape) * _channels(layer, shape)


def _separable(graph: Graph, node: Node, layer: LayerSpec) -> int:
    shape = node.outputs[0].shape
    between = _channels(layer, input_shape(graph, node)) * int(layer.arguments.get("depth_multiplier") or 1)
    return _positions(layer, shape) * between * (_kernel(layer, shape) + _channels(layer, shape))


def _dense(graph: Graph, node: Node, layer: LayerSpec) -> int:
    taken, shape = input_shape(graph, node), node.outputs[0].shape
    return prod(_sizes((*shape[1:], taken[-1])))


def _einsum(graph: Graph, node: Node, layer: LayerSpec) -> Figure:
    """The product of the sizes of all letters but the batch's."""
    taken, shape = input_shape(graph, node), node.outputs[0].shape
    equation = str(layer.arguments["equation"]).replace(" ", "")
    terms = re.fullmatch(r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)", equation)  # with `...` the letters do not say it all
    if terms is None:
        return None
    sizes = {**dict(zip(terms[3], shape, strict=True)), **dict(zip(terms[1], taken, strict=True))}
    return prod(_sizes(tuple(size for letter, size in sizes.items() if letter != terms[1][0])))


def _attention(graph: Graph, node: Node, layer: LayerSpec) -> int:
    """Projections of query, key and value, the scores, their product with the values, and the output's projection."""
    arguments = layer.arguments
    query = input_shape(graph, node)
    value = input_shape(graph, node, 1) if len(node.data_inputs) > 1 else query
    key = input_shape(graph, node, 2) if len(node.data_inputs) > 2 else value
    sizes = [_sizes(shape[1:]) for shape in (query, value, key, node.outputs[0].shape)]
    heads, key_size = int(arguments["num_heads"]), int(arguments["key_dim"])
    value_size = int(arguments.get("value_dim") or key_size)
    rows, columns = prod(sizes[0][:-1]), prod(sizes[1][:-1])
    width, value_width, key_width, out = (each[-1] for each in sizes)
    projections = rows * width * key_size + columns * (key_width * key_size + value_width * value_size)
    return heads * (projections + rows * columns * (key_size + value_size) + rows * value_size * out)


COUNTS: Mapping[str, Callable[[Graph, Node, LayerSpec], Figure]] = {
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), _convolution),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), _transposed),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), _depthwise),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _separable),
    "Dense": _dense,
    "EinsumDense": _einsum,
    "MultiHeadAttention": _attention,
}


# memory


def item_bytes(dtype: str) -> int:
    """The bytes of one number of a dtype."""
    bits = re.search(r"(\d+)$", dtype)
    return BYTES.get(dtype) or (int(bits[1]) // 8 if bits else 4)


def _output_bytes(graph: Graph, node: Node) -> Figure:
    layer = graph.layers[node.layer]
    if layer.inner is not None:
        starts = {ref.node for ref in layer.inner.input_refs}  # they are the outer tensors
        sizes = activation_bytes(layer.inner)
        return total({name: size for name, size in sizes.items() if name not in starts})
    if class_of(layer) in NOT_COMPUTED and layer.kind != "input":
        return 0
    if any(None in spec.shape[1:] for spec in node.outputs):
        return None
    return sum(prod(_sizes(spec.shape[1:])) * item_bytes(spec.dtype) for spec in node.outputs)
