"""With which values a layer puts out what it takes, class by class, and with which nothing but zeros."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod, sqrt
from typing import Any, NamedTuple

from spec_compiler.adapters.kernel_axes import Axis, axes_of, shift
from spec_compiler.diagnostics import Fix
from spec_compiler.graph.adapter import Unfit
from spec_compiler.graph.layer_spec import LayerSpec, VariableSpec
from spec_compiler.graph.same_arguments import arguments_of

_NORMS = ("BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization")
_ATTENTION = ("MultiHeadAttention", "GroupQueryAttention")
_WIDTHS = ("units", "filters")


class Value(NamedTuple):
    """What a variable gets: how it is said, and the array."""

    formula: str
    make: Callable[[], Any]


Variables = Mapping[str, VariableSpec]
Values = dict[str, Value]


def identity_values(layer: LayerSpec) -> Mapping[int, Value]:
    """By the index of a variable, the values with which a layer, as Keras built it, is the identity.

    Raises:
        Unfit: it is with none.
    """
    variables = _by_name(layer)
    if layer.class_name in _CLASSES:
        values = _CLASSES[layer.class_name](layer, variables)
    elif axes_of(layer) and not layer.class_name.startswith("ConvLSTM"):
        values = _convolution(layer, variables)
    else:
        raise Unfit(_why_none(layer), "leave `weights` out")
    if "bias" in variables:
        values["bias"] = _zeros(variables["bias"])
    return _by_index(layer, values)


def zero_values(layer: LayerSpec) -> Mapping[int, Value]:
    """By the index of a variable, those that are zero so that a layer, as Keras built it, puts out zeros.

    Raises:
        Unfit: there are none.
    """
    names: tuple[str, ...] = ()
    if layer.class_name in ("Dense", "EinsumDense") or axes_of(layer):
        names = ("pointwise_kernel",) if layer.class_name.startswith("Separable") else ("kernel",)
    elif layer.class_name in _NORMS:
        names = ("scale",) if layer.class_name == "RMSNormalization" else ("gamma",)
    elif layer.class_name in _ATTENTION:
        names = ("attention_output/kernel",)
    variables = _by_name(layer)
    if layer.class_name.startswith("ConvLSTM") or not any(name in variables for name in names):
        raise Unfit(f"no weights of a `{layer.class_name}` make it put out zeros, which its branch would add")
    zero = [*names, "bias", "beta", "attention_output/bias"]
    return _by_index(layer, {name: _zeros(variables[name]) for name in zero if name in variables})


def _by_name(layer: LayerSpec) -> Variables:
    return {variable.path: variable for variable in layer.variables or ()}


def _by_index(layer: LayerSpec, values: Values) -> Mapping[int, Value]:
    paths = [variable.path for variable in layer.variables or ()]
    return {paths.index(name): value for name, value in values.items()}


def _why_none(layer: LayerSpec) -> str:
    if not layer.weights:
        return "it has no weights"
    if layer.class_name in (*_NORMS, "UnitNormalization"):
        return "no weights make it the identity: it divides by what it measures of each input"
    return f"no weights are known that make a `{layer.class_name}` the identity"


def _zeros(variable: VariableSpec) -> Value:
    return Value("0", lambda: _numpy().zeros(variable.shape, "float32"))


def _same_width(layer: LayerSpec, takes: int, puts_out: int) -> None:
    """Proves that a layer is as wide as what it takes.

    Raises:
        Unfit: it is not.
    """
    if takes == puts_out:
        return
    key = next((each for each in _WIDTHS if each in layer.arguments), None)
    fixes: tuple[Fix, ...] = ()
    if key is not None:
        text = f"set `{key}: {takes}` in `{layer.name}`"
        fixes = (Fix(text, (((*layer.origin.path, layer.class_name, key), takes),)),)
    raise Unfit(f"it takes {takes} channels, and puts out {puts_out}", fixes=fixes)


# class by class


def _dense(layer: LayerSpec, variables: Variables) -> Values:
    takes, puts_out = variables["kernel"].shape
    _same_width(layer, takes, puts_out)
    return {"kernel": Value("I", lambda: _eye(takes))}


def _einsum_dense(layer: LayerSpec, variables: Variables) -> Values:
    """A one for each pair of equal indices, where an axis of what is taken becomes one of what is put out."""
    takes, _, rest = str(layer.arguments["equation"]).replace(" ", "").replace("...", "0").partition(",")
    of_kernel, _, puts_out = rest.partition("->")
    sizes = dict(zip(of_kernel, variables["kernel"].shape, strict=False))
    pairs = [(one, other) for one, other in zip(takes, puts_out, strict=False) if one != other]
    summed, made = {one for one, _ in pairs}, {other for _, other in pairs}
    is_plain = len(takes) == len(puts_out) and not summed & set(puts_out) and not made & set(takes)
    if not is_plain or not summed | made <= set(of_kernel) <= set(takes) | made or "0" in of_kernel:
        raise Unfit(f"its equation `{layer.arguments['equation']}` changes more than the sizes of axes")
    _same_width(layer, prod(sizes[one] for one, _ in pairs), prod(sizes[other] for _, other in pairs))
    if any(sizes[one] != sizes[other] for one, other in pairs):
        raise Unfit("the axes that it puts out have other sizes than those that it takes")

    def make() -> Any:
        np = _numpy()
        kernel = np.ones(variables["kernel"].shape, "float32")
        index = dict(zip(of_kernel, np.indices(kernel.shape), strict=True))
        for one, other in pairs:
            kernel *= index[one] == index[other]
        return kernel

    return {"kernel": Value("I", make)}


def _batch_normalization(layer: LayerSpec, variables: Variables) -> Values:
    """Neutral of the statistics that a new one has, μ = 0 and σ² = 1; without γ, of those that make it so."""
    epsilon = float(arguments_of(layer)["epsilon"])
    name, formula, factor = "gamma", "√(σ² + ε)", sqrt(1 + epsilon)
    if name not in variables:
        name, formula, factor = "moving_variance", "1 − ε", 1 - epsilon
    shape = variables[name].shape
    values = {name: Value(formula, lambda: _numpy().full(shape, factor, "float32"))}
    if "beta" in variables:
        values["beta"] = Value("μ", _zeros(variables["beta"]).make)
    return values


def _prelu(layer: LayerSpec, variables: Variables) -> Values:
    return {"alpha": Value("1", lambda: _numpy().ones(variables["alpha"].shape, "float32"))}


def _convolution(layer: LayerSpec, variables: Variables) -> Values:
    """A one at the value of the kernel that stands on the one that is put out, for each channel to itself."""
    places = _places(layer)
    formula = "1 at the centre, from each channel to itself"
    if layer.class_name.startswith(("Depthwise", "Separable")):
        return _depthwise(layer, variables, places, formula)
    shape, transposed = variables["kernel"].shape, layer.class_name.endswith("Transpose")
    groups = int(arguments_of(layer).get("groups", 1))
    takes, puts_out = (shape[-1], shape[-2]) if transposed else (shape[-2] * groups, shape[-1])
    _same_width(layer, takes, puts_out)
    return {"kernel": Value(formula, lambda: _at(places, shape, _numpy().tile(_eye(takes // groups), groups)))}


def _depthwise(layer: LayerSpec, variables: Variables, places: tuple[int, ...], formula: str) -> Values:
    """The first of the channels that a depthwise kernel makes of each; what is pointwise takes that one."""
    pointwise = variables.get("pointwise_kernel")
    name = "kernel" if pointwise is None else "depthwise_kernel"
    shape = variables[name].shape
    takes, multiplier = shape[-2:]
    _same_width(layer, takes, takes * multiplier if pointwise is None else pointwise.shape[-1])
    values = {name: Value(formula, lambda: _at(places, shape, _eye(multiplier)[:1].repeat(takes, 0)))}
    if pointwise is not None:
        values["pointwise_kernel"] = Value("I", lambda: _firsts(pointwise.shape, multiplier))
    return values


def _firsts(shape: tuple[int, ...], multiplier: int) -> Any:
    """A pointwise kernel that takes the first of the channels that each became."""
    kernel = _numpy().zeros(shape, "float32")
    kernel[..., ::multiplier, :] = _eye(shape[-1])
    return kernel


def _places(layer: LayerSpec) -> tuple[int, ...]:
    """Where in its kernel the value stands that is laid on the one that is put out.

    Raises:
        Unfit: nowhere.
    """
    found = []
    for axis in axes_of(layer):
        if axis.stride != 1:
            raise Unfit("its `strides` change the size of what it takes", "write `strides: 1`")
        place = shift(Axis(1, transposed=axis.transposed), axis, None)
        if place is None and axis.padding == "valid":
            fix = Fix(
                f"set `padding: same` in `{layer.name}`", (((*layer.origin.path, layer.class_name, "padding"), "same"),)
            )
            raise Unfit("`padding: valid` changes the size of what it takes", fixes=(fix,))
        if place is None:
            raise Unfit("no value of its kernel stands on the one that it puts out", "write an odd `kernel_size`")
        found.append(place)
    return tuple(found)


def _at(places: tuple[int, ...], shape: tuple[int, ...], channels: Any) -> Any:
    """A kernel of zeros, but for one place."""
    kernel = _numpy().zeros(shape, "float32")
    kernel[places] = channels
    return kernel


def _eye(size: int) -> Any:
    return _numpy().eye(size, dtype="float32")


def _numpy() -> Any:
    import numpy  # a check that adapts nothing is to start without it

    return numpy


_CLASSES: Mapping[str, Callable[[LayerSpec, Variables], Values]] = {
    "Dense": _dense,
    "EinsumDense": _einsum_dense,
    "BatchNormalization": _batch_normalization,
    "PReLU": _prelu,
}
