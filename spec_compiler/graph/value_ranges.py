"""Between which numbers the values of a tensor surely lie, at inference, as the layers before it say."""

from __future__ import annotations

from math import inf

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import ValueRef
from spec_compiler.graph.same_arguments import arguments_of

Range = tuple[float, float]
ANY: Range = (-inf, inf)
# What activations put out.
_PUT_OUT: dict[str, Range] = {
    "relu": (0, inf),
    "relu6": (0, 6),
    "softplus": (0, inf),
    "exponential": (0, inf),
    "sigmoid": (0, 1),
    "hard_sigmoid": (0, 1),
    "softmax": (0, 1),
    "tanh": (-1, 1),
    "hard_tanh": (-1, 1),
    "softsign": (-1, 1),
}
# Where they put out what they take.
_IDENTITY: dict[str, Range] = {
    "linear": ANY,
    "relu": (0, inf),
    "leaky_relu": (0, inf),
    "elu": (0, inf),
    "celu": (0, inf),
    "relu6": (0, 6),
    "hard_tanh": (-1, 1),
}
# Which are zero of zero, beside these.
_ZERO = {"tanh", "selu", "gelu", "silu", "swish", "mish", "softsign", "tanh_shrink", "soft_shrink", "hard_shrink"}
_PASS = (
    "MaxPool",
    "AveragePool",
    "GlobalMaxPool",
    "GlobalAveragePool",
    "Flatten",
    "Reshape",
    "Permute",
    "RepeatVector",
    "Cropping",
    "ZeroPadding",
    "Dropout",
    "SpatialDropout",
    "Concatenate",
)
_OPERATIONS = {"Relu": "relu", "Relu6": "relu6", "Sigmoid": "sigmoid", "Softmax": "softmax"}


def activation_of(layer: LayerSpec) -> str:
    """The name of the activation behind what a layer computes, `linear` where it has none."""
    value = arguments_of(layer).get("activation")
    return value if isinstance(value, str) else "linear" if value is None else ""


def is_identity(activation: str, values: Range) -> bool:
    """Whether an activation puts out what it takes, of all values in a range.

    >>> is_identity("relu", (0, 6)), is_identity("relu", ANY), is_identity("sigmoid", (0, 1))
    (True, False, False)
    """
    low, high = _IDENTITY.get(activation, (inf, -inf))
    return low <= values[0] and values[1] <= high


def hands_on(layer: LayerSpec, values: Range) -> bool:
    """Whether a layer without values of its own puts out what it takes, of all values in a range, at inference."""
    if layer.class_name == "ReLU":
        most = arguments_of(layer).get("max_value")
        return values[0] >= 0 and not arguments_of(layer).get("threshold") and (most is None or values[1] <= most)
    if layer.class_name == "Activation":
        return is_identity(activation_of(layer), values)
    return layer.class_name in ("Identity", "Dropout") or layer.class_name.startswith("SpatialDropout")


def keeps_zero(layer: LayerSpec) -> bool:
    """Whether a layer without values of its own puts out zeros of zeros."""
    if layer.class_name in ("ReLU", "LeakyReLU", "ELU", "PReLU", "Identity", "Rescaling"):
        return layer.class_name != "Rescaling" or not arguments_of(layer).get("offset")
    return layer.class_name.startswith(_PASS[:-1]) or (
        layer.class_name == "Activation" and of_zero(activation_of(layer))
    )


def of_zero(activation: str) -> bool:
    """Whether an activation is zero of zero."""
    return activation in _IDENTITY or activation in _ZERO


def value_range(graph: Graph, ref: ValueRef) -> Range:
    """The range of a tensor's values; `ANY` where nothing is known of it."""
    found: dict[ValueRef, Range] = {}
    for name in graph.in_order(graph.ancestors([ref.node])):
        taken = [found.get(each, ANY) for each in graph.nodes[name].data_inputs]
        found[ValueRef(name)] = _put_out(graph.layer_of(name), taken)
    return found.get(ref, ANY)


def _put_out(layer: LayerSpec, taken: list[Range]) -> Range:
    if layer.kind != "layer":
        return _PUT_OUT[_OPERATIONS[layer.class_name]] if layer.class_name in _OPERATIONS else ANY
    arguments = arguments_of(layer)
    if layer.class_name == "Softmax":
        return _PUT_OUT["softmax"]
    if layer.class_name == "ReLU" and not arguments.get("negative_slope"):
        most = arguments.get("max_value")
        return 0, inf if most is None else most
    if "activation" in arguments and "recurrent_activation" not in arguments:
        activation = activation_of(layer)
        is_passed = layer.class_name == "Activation" and taken and is_identity(activation, taken[0])
        return taken[0] if is_passed else _PUT_OUT.get(activation, ANY)
    lows, highs = [low for low, _ in taken], [high for _, high in taken]
    if not taken:
        return ANY
    if layer.class_name == "Add":
        return sum(lows), sum(highs)
    if layer.class_name == "Multiply":
        return (0, inf) if min(lows) >= 0 else ANY
    if layer.class_name.startswith(_PASS) or layer.class_name in ("Average", "Maximum", "Minimum"):
        has_zeros = layer.class_name.startswith("ZeroPadding")
        return min([*lows, *([0] if has_zeros else [])]), max([*highs, *([0] if has_zeros else [])])
    return ANY
