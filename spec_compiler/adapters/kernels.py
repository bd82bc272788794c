"""Kernels of linear layers: which of their axes are the channels that a layer takes, and which those that it makes."""

from __future__ import annotations

from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.same_arguments import arguments_of

KERNEL, BIAS, DEPTHWISE = "kernel", "bias", "depthwise_kernel"


def indices(layer: LayerSpec) -> dict[str, int]:
    """A layer's variables by their own names: `kernel`, `bias`."""
    return {variable.path.rpartition("/")[2]: index for index, variable in enumerate(layer.variables or ())}


def kernel_of(layer: LayerSpec) -> str:
    """The kernel that makes the channels which a layer puts out."""
    return "pointwise_kernel" if layer.class_name.startswith("Separable") else KERNEL


def einsum(layer: LayerSpec) -> tuple[str, str, str]:
    """The letters of the input, the kernel and the output in the equation of an `EinsumDense`."""
    takes, _, out = str(arguments_of(layer).get("equation", "")).replace(" ", "").replace("...", "").partition("->")
    taken, _, kernel = takes.partition(",")
    return taken, kernel, out


def made_axes(layer: LayerSpec) -> tuple[int, ...]:
    """The axes of the kernel that are the channels which a layer puts out, from the end."""
    if layer.class_name.startswith("Depthwise"):
        return (-2, -1)
    if layer.class_name.endswith("Transpose"):
        return (-2,)
    if layer.class_name == "EinsumDense":
        _, kernel, out = einsum(layer)
        return (kernel.index(out[-1]) - len(kernel),)
    return (-1,)


def taken_axis(layer: LayerSpec) -> int:
    """The axis of the kernel that is the channels which a layer takes, from the end."""
    if layer.class_name != "EinsumDense":
        return -2
    taken, letters, _ = einsum(layer)
    return letters.index(taken[-1]) - len(letters)


def is_depthwise(layer: LayerSpec) -> bool:
    """Whether the kernel that takes the channels makes some of each by itself."""
    return layer.class_name.startswith(("Depthwise", "Separable"))


def summed_axes(layer: LayerSpec, ndim: int) -> tuple[int, ...]:
    """The axes of the kernel that are none of the output."""
    if layer.class_name == "EinsumDense":
        _, letters, out = einsum(layer)
        return tuple(axis for axis, letter in enumerate(letters) if letter not in out)
    return tuple(range(ndim - (2 if is_depthwise(layer) else 1)))
