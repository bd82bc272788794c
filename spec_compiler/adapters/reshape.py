"""A `Dense` behind a `Flatten` as a convolution over the whole map, and back: the same numbers in another shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from spec_compiler.adapters.equations import reshaped
from spec_compiler.adapters.flattened import Flattened
from spec_compiler.adapters.kernel_and_bias import (
    CONVOLUTION,
    base_of,
    bias_of,
    changed,
    given,
    is_channels_first,
    kernel_and_bias,
    lost,
    variables_of,
)
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter, Array, Preserves, Recipe, Unfit
from spec_compiler.graph.equation import Equation
from spec_compiler.graph.layer_spec import LayerSpec


@dataclass(frozen=True)
class DenseToConv(Adapter):
    """A kernel (h·w·c, out) as one (h, w, c, out); `flattened` is what the `Flatten` before the `Dense` laid out."""

    strategy: ClassVar = "dense_to_conv"
    formula: ClassVar = "the kernel reshaped to the size of the map before the Flatten"

    source: LayerSpec
    flattened: Flattened | None

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """The kernel and the bias of a convolution without padding, as large as the map.

        Raises:
            Unfit: another layer, another size.
        """
        _check_class(self.source, "Dense", self.source.class_name == "Dense")
        _check_class(layer, "Conv1D, Conv2D or Conv3D", CONVOLUTION.fullmatch(layer.class_name) is not None)
        (of, _), (at, bias) = kernel_and_bias(self.source), kernel_and_bias(layer)
        rows, units = variables_of(self.source)[of].shape
        *size, channels, filters = variables_of(layer)[at].shape
        whose = f"`{self.source.name}`"
        if filters != units:
            raise Unfit(f"it has {filters:,} filters, {whose} has {units:,} units", f"write `filters: {units}`")
        shape, order = self._map(len(size), rows, is_channels_first(layer))
        *wanted, of_map = _last(shape, is_channels_first(layer))
        if [*size] != wanted and self.flattened is None:
            raise Unfit(f"no `Flatten` stands before {whose}, which takes one place", "write `kernel_size: 1`")
        if [*size] != wanted:
            reason = f"its kernel is {_by(size)}, {whose} takes {_by(wanted)} places"
            raise Unfit(reason, f"write `kernel_size: {wanted if len({*wanted}) > 1 else wanted[0]}`")
        if channels != of_map:
            raise Unfit(f"it takes {channels:,} channels, {whose} takes {of_map:,}")
        _check_whole(layer, size)
        axes = [order.index(axis) for axis in _last(range(len(shape)), is_channels_first(layer))]

        def change(kernel: Array) -> Array:
            return kernel.reshape(*(shape[axis] for axis in order), units).transpose(*axes, len(axes))

        return given((at, changed(self.source, of, self.formula, change)), (bias, bias_of(self.source)))

    def _map(self, rank: int, rows: int, first: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shape of the map without the batch axis, and the order in which its axes are in a row."""
        if self.flattened is None or (self.flattened.shape is not None and len(self.flattened.shape) == 1):
            ones = (1,) * rank
            return (rows, *ones) if first else (*ones, rows), tuple(range(rank + 1))
        shape = self.flattened.shape
        if shape is None:
            raise Unfit(f"the size of the map before `{self.source.name}` is not known")
        if len(shape) != rank + 1 or math.prod(shape) != rows:
            raise Unfit(f"the map before `{self.source.name}` is {_by(shape)}")
        return shape, self.flattened.order(len(shape))

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """The function, at the size of the map for which the `Dense` was made."""
        size = variables_of(layer)[kernel_and_bias(layer)[0]].shape[:-2]
        return _promise(self.source, layer, size)

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        """That the convolution of a map is the `Dense` of its row."""
        name = base_of(self.source)
        if name is None or self.promise(layer, graph)[0] != "exact":
            return None
        size = variables_of(layer)[kernel_and_bias(layer)[0]].shape[:-2]
        rows = variables_of(self.source)[kernel_and_bias(self.source)[0]].shape[0]
        shape, order = self._map(len(size), rows, is_channels_first(layer))
        taken = graph.spec_of(graph.nodes[graph.calls[layer.name][0]].data_inputs[0])
        return reshaped((name,), shape, order, whole=taken is not None and taken.shape[1:] == shape)


@dataclass(frozen=True)
class ConvToDense(Adapter):
    """A kernel (h, w, c, out) as one (h·w·c, out); `flattened` is what stands before the new layer."""

    strategy: ClassVar = "conv_to_dense"
    formula: ClassVar = "the kernel laid out as the Flatten lays the map out"

    source: LayerSpec
    flattened: Flattened | None

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """The kernel and the bias of a `Dense`.

        Raises:
            Unfit: another layer, another size.
        """
        is_convolution = CONVOLUTION.fullmatch(self.source.class_name) is not None
        _check_class(self.source, "Conv1D, Conv2D or Conv3D", is_convolution)
        _check_class(layer, "Dense", layer.class_name == "Dense")
        (of, _), (at, bias) = kernel_and_bias(self.source), kernel_and_bias(layer)
        *size, channels, filters = variables_of(self.source)[of].shape
        rows, units = variables_of(layer)[at].shape
        whose = f"`{self.source.name}`"
        if filters != units:
            raise Unfit(f"it has {units:,} units, {whose} has {filters:,} filters", f"write `units: {filters}`")
        _check_whole(self.source, size)
        if rows != math.prod(size) * channels:
            raise Unfit(f"it takes {rows:,} numbers, {whose} takes {_by(size)} places of {channels:,} channels")
        if math.prod(size) > 1 and self.flattened is None:
            raise Unfit("no `Flatten` stands before it", "put a `Flatten` before it")
        rank = len(size) + 1
        # the kernel's axes in the order of the map's, and then as they are laid out
        of_map = (rank - 1, *range(rank - 1)) if is_channels_first(self.source) else tuple(range(rank))
        order = self.flattened.order(rank) if self.flattened is not None else tuple(range(rank))
        axes = [of_map[axis] for axis in order]

        def change(kernel: Array) -> Array:
            return kernel.transpose(*axes, rank).reshape(rows, units)

        return given((at, changed(self.source, of, self.formula, change)), (bias, bias_of(self.source)))

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """The function, on maps as large as the kernel."""
        size = variables_of(self.source)[kernel_and_bias(self.source)[0]].shape[:-2]
        return _promise(self.source, layer, size)

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        """That the `Dense` of a row is the convolution of its map."""
        name = base_of(self.source)
        if name is None or self.promise(layer, graph)[0] != "exact":
            return None
        *size, channels, _ = variables_of(self.source)[kernel_and_bias(self.source)[0]].shape
        shape = (channels, *size) if is_channels_first(self.source) else (*size, channels)
        order = self.flattened.order(len(shape)) if self.flattened is not None else tuple(range(len(shape)))
        return reshaped((name,), shape, order, into_map=True)


def _check_class(layer: LayerSpec, wanted: str, fits: bool) -> None:
    if not fits:
        raise Unfit(f"`{layer.name}` ({layer.class_name}) is no {wanted}")


def _check_whole(layer: LayerSpec, size: list[int]) -> None:
    """That a convolution over a map as large as its kernel is the sum over all of it."""
    arguments = {**layer.arguments, **layer.changed}
    if arguments.get("groups") not in (None, 1):
        raise Unfit(f"`{layer.name}` has groups, a `Dense` has none")
    if math.prod(size) == 1:
        return
    if arguments.get("padding") not in (None, "valid"):
        reason = f"`{layer.name}` has `padding: {arguments['padding']}`, a `Dense` is a convolution without padding"
        raise Unfit(reason, "leave `padding` out")
    dilation = arguments.get("dilation_rate") or 1
    if any(each != 1 for each in (dilation if isinstance(dilation, list | tuple) else [dilation])):
        raise Unfit(f"`{layer.name}` is dilated, so that its kernel is not as large as the map")


def _promise(source: LayerSpec, layer: LayerSpec, size: tuple[int, ...]) -> tuple[Preserves, str]:
    where = f"on a map of {_by(size)}"
    missing = lost(source, layer)
    return (
        ("exact", f"the function, {where}") if missing is None else ("partly", f"the function but {missing}, {where}")
    )


def _last(axes: tuple[int, ...] | range, first: bool) -> list[int]:
    """Axes, or what is at them, with that of the channels at the end, as in a kernel."""
    return [*axes[1:], axes[0]] if first else [*axes]


def _by(sizes: list[int] | tuple[int, ...]) -> str:
    return " x ".join(map(str, sizes))
