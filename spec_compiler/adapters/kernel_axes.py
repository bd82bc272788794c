"""Where Keras lays a kernel over its input, axis by axis: the arithmetic of its padding."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import Node
from spec_compiler.graph.same_arguments import arguments_of
from spec_compiler.keras_facts.settings import image_data_format

_CLASS = re.compile(r"(?:(?:Depthwise|Separable)?Conv(\d)D|Conv(\d)DTranspose|ConvLSTM(\d)D)")
Sizes = tuple[int | None, ...]


@dataclass(frozen=True)
class Axis:
    """One axis of a kernel: its size, and how it goes over the input."""

    kernel: int
    stride: int = 1
    dilation: int = 1
    padding: str = "same"
    transposed: bool = False
    output_padding: int | None = None

    def laid(self, size: int) -> tuple[int, int]:
        """How far before an input of this size its first value lies, and how many values are put out.

        Of `same`: https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2; a transposed convolution is laid
        over its output as a convolution is over its input (`compute_conv_transpose_output_shape` in Keras).
        """
        span = (self.kernel - 1) * self.dilation + 1
        if self.transposed:
            return self._laid_transposed(size, span)
        if self.padding == "causal":
            return span - 1, -(-size // self.stride)
        if self.padding == "valid":
            return 0, (size - span) // self.stride + 1
        num_outputs = -(-size // self.stride)
        return max((num_outputs - 1) * self.stride + span - size, 0) // 2, num_outputs

    def _laid_transposed(self, size: int, span: int) -> tuple[int, int]:
        more, last = self.output_padding, (size - 1) * self.stride
        if self.padding == "valid":
            return 0, last + span + (max(self.stride - span, 0) if more is None else more)
        num_outputs = size * self.stride if more is None else last + span % 2 + more
        return max(last + span - num_outputs, 0) // 2, num_outputs


def shift(old: Axis, new: Axis, size: int | None) -> int | None:
    """Before which value of the new kernel the old one begins, so that both put out the same; None where none is so.

    A size that is not known may be any: then there is one only where it is the same for all.
    """
    known = range(size, size + 1) if size is not None else range(_some(old, new), _some(old, new) + new.stride)
    found = {_shift(old, new, each) for each in known}
    return found.pop() if len(found) == 1 else None


def _some(old: Axis, new: Axis) -> int:
    """A size that any kernel fits into; only the rest that the stride leaves of it counts."""
    return new.stride * (max(old.kernel, new.kernel) * max(old.dilation, new.dilation) + 1)


def _shift(old: Axis, new: Axis, size: int) -> int | None:
    (before, num_outputs), (now_before, now_outputs) = old.laid(size), new.laid(size)
    if num_outputs != now_outputs or old.stride != new.stride or (old.dilation != new.dilation and old.kernel > 1):
        return None
    places, rest = divmod(now_before - before, new.dilation)
    return places if not rest and 0 <= places <= new.kernel - old.kernel else None


def axes_of(layer: LayerSpec) -> tuple[Axis, ...]:
    """The spatial axes of the kernel of a convolution, as its arguments are; none of another layer."""
    found = _CLASS.fullmatch(layer.class_name)
    if found is None:
        return ()
    arguments, rank = arguments_of(layer), int(next(filter(None, found.groups())))
    padding = str(arguments.get("padding", "valid")).lower()
    columns = (_per_axis(arguments.get(key, 1), rank) for key in ("kernel_size", "strides", "dilation_rate"))
    more = _per_axis(arguments.get("output_padding"), rank)
    transposed = layer.class_name.endswith("Transpose")
    return tuple(
        Axis(kernel, stride, dilation, padding, transposed, output_padding)
        for kernel, stride, dilation, output_padding in zip(*columns, more, strict=True)
    )


def _per_axis(value: Any, rank: int) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else (value,) * rank


def sizes_at(layer: LayerSpec, node: Node, graph: Graph) -> Sizes:
    """The sizes of what a convolution takes in one of its calls, along the axes of its kernel."""
    rank = len(axes_of(layer))
    tensor = graph.spec_of(node.data_inputs[0]) if node.data_inputs else None
    if tensor is None or len(tensor.shape) < rank + 2:
        return (None,) * rank
    data_format = arguments_of(layer).get("data_format") or image_data_format()
    return tensor.shape[-rank:] if data_format == "channels_first" else tensor.shape[-rank - 1 : -1]
