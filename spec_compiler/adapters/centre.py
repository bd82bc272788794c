"""A kernel inside of a larger one, at the place where the larger one does the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from spec_compiler.adapters.kernel_axes import Axis, Sizes, axes_of, shift, sizes_at
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter, Preserves, Recipe, Unfit, Values, recipe_of
from spec_compiler.graph.equation import Equation
from spec_compiler.graph.layer_spec import LayerSpec, VariableSpec
from spec_compiler.graph.node import Node
from spec_compiler.graph.same_arguments import has_argument

# What the arithmetic of a kernel knows; every other argument that changes makes another function.
_OF_THE_KERNEL = {"kernel_size", "strides", "padding", "dilation_rate", "output_padding"}
_OF_TRAINING = ("_initializer", "_regularizer", "_constraint")
_RECURRENT = Axis(1)  # of a ConvLSTM, over its state: stride 1, always `same`


@dataclass(frozen=True)
class Centre(Adapter):
    """Zeros around the old kernel.

    `before` is the layer before its arguments changed, `sizes` those of its input, once they are known.
    """

    strategy: ClassVar = "centre"
    judges_arguments: ClassVar = True
    formula: ClassVar = "zeros around the old kernel"

    before: LayerSpec
    sizes: Sizes | None = None

    @property
    def layer_before(self) -> LayerSpec:
        """As `Adapter.layer_before`."""
        return self.before

    def is_needed(self, layer: LayerSpec) -> bool:
        """Whether the kernel gets another size; of what has none it is said later."""
        return not axes_of(layer) or [axis.kernel for axis in axes_of(layer)] != self._old_sizes()

    def placed(self, layer: LayerSpec, node: Node, graph: Graph) -> Centre:
        """It with the sizes of the input."""
        before = self.before
        if before.adapter is not None:
            before = replace(before, adapter=before.adapter.placed(before, node, graph))
        return replace(self, before=before, sizes=sizes_at(layer, node, graph))

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """Every variable with the axes of the kernel, and what was adapted before.

        Raises:
            Unfit: a layer without such a kernel, one that is smaller than the old one, or one for other channels.
        """
        rank = len(axes_of(layer))
        if not rank:
            raise Unfit("it has no kernel with zeros to put around it", "name convolutions only")
        shape = self._shape(layer)
        if any(new.kernel < old for new, old in zip(axes_of(layer), self._old_sizes(), strict=True)):
            size = "x".join(map(str, self._old_sizes()))
            raise Unfit(
                f"the new kernel is smaller than the old one, which is {size}",
                f"write a larger `kernel_size`, or put a new layer in the place of `{layer.name}` with `replace`",
            )
        before, made = self._rebuilt(layer), {}
        already = before.adapter.recipes(before) if before.adapter is not None else {}
        for index, (old, new) in enumerate(zip(self.before.continues(layer.variables or ()), shape, strict=True)):
            if old is None:
                continue
            was = recipe_of(before, index)
            if index not in already:
                self._check_channels((self.before.variables or ())[old], (layer.variables or ())[index], rank, new)
            if was is not None and new is not None:
                made[index] = self._around(was, layer, (layer.variables or ())[index], new)
            elif was is not None and index in already:
                made[index] = was
        return made

    def _check_channels(self, old: VariableSpec, new: VariableSpec, rank: int, kernel: object) -> None:
        start = rank if kernel is not None else 0
        if old.shape[start:] != new.shape[start:]:
            raise Unfit(
                f"its {new.path} is for other channels too: {old.shape} was its shape, {new.shape} is needed",
                "change the size of the kernel alone",
            )

    def _around(
        self, was: Recipe, layer: LayerSpec, variable: VariableSpec, axes: tuple[tuple[Axis, Axis], ...]
    ) -> Recipe:
        sizes = self.sizes if self.sizes is not None else (None,) * len(axes)
        pads = [_zeros(old, new, size) for (old, new), size in zip(axes, sizes, strict=True)]
        pads += [(0, 0)] * (len(variable.shape) - len(pads))
        earlier = was.formula.removesuffix(self.formula).removesuffix(", ")
        formula = f"{earlier}, {self.formula}" if earlier else self.formula
        return Recipe(was.sources, formula, _padded(was, pads))

    def _old_sizes(self) -> list[int]:
        """The sizes of the old kernel: of the base, or what an adapter before this made of it."""
        axes = axes_of(self.before)
        if self.before.adapter is not None or not self.before.variables:
            return [axis.kernel for axis in axes]
        return list(self.before.variables[0].shape[: len(axes)])

    def _axes(self, layer: LayerSpec) -> tuple[tuple[Axis, Axis], ...]:
        """Each axis of the kernel, before and now."""
        olds = (replace(axis, kernel=size) for axis, size in zip(axes_of(self.before), self._old_sizes(), strict=True))
        return tuple(zip(olds, axes_of(layer), strict=True))

    def _shape(self, layer: LayerSpec) -> Iterator[tuple[tuple[Axis, Axis], ...] | None]:
        """For each variable the axes that it begins with, as they were and are; None where it has none of a kernel."""
        axes = self._axes(layer)
        state = tuple(
            (replace(_RECURRENT, kernel=old.kernel), replace(_RECURRENT, kernel=new.kernel)) for old, new in axes
        )
        for variable in layer.variables or ():
            name = variable.path.rpartition("/")[2]
            is_kernel = name in ("kernel", "depthwise_kernel", "lora_kernel_a")
            yield state if name == "recurrent_kernel" else axes if is_kernel else None

    def _rebuilt(self, layer: LayerSpec) -> LayerSpec:
        """The layer before, as Keras would build it on what the layer takes now."""
        sizes = tuple(self._old_sizes())
        variables = tuple(
            variable if axes is None else replace(variable, shape=(*sizes, *variable.shape[len(sizes) :]))
            for variable, axes in zip(layer.variables or (), self._shape(layer), strict=True)
        )
        return self.before.rebuilt(variables)

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """The function, where the arithmetic of the padding keeps it for every call."""
        reason = next(self._losses(layer, graph), None)
        if reason is not None:
            return "not", reason
        if self.before.adapter is not None:
            return self.before.adapter.preserved(self._rebuilt(layer).called(layer.name), graph)
        return "exact", "the function"

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        """That the layer does what it did before."""
        if next(self._losses(layer, graph), None) is not None:
            return None
        if self.before.adapter is not None:
            return self.before.adapter.tried(self._rebuilt(layer).called(layer.name), graph)
        return Equation((layer.name_in_base,))

    def _losses(self, layer: LayerSpec, graph: Graph) -> Iterator[str]:
        """Why the function is another."""
        for key, value in layer.changed.items():
            if (
                key not in _OF_THE_KERNEL
                and not key.endswith(_OF_TRAINING)
                and not has_argument(self.before, key, value)
            ):
                yield f"its `{key}` is another too"
        axes = self._axes(layer)
        if any(old.stride != new.stride for old, new in axes):
            yield "its `strides` are others too"
        if any(old.dilation != new.dilation and old.kernel > 1 for old, new in axes):
            yield "its `dilation_rate` is another too"
        calls = [sizes_at(layer, graph.nodes[call], graph) for call in graph.calls[layer.name]]
        for (old, new), *sizes in zip(axes, *calls, strict=True):
            shifts = [shift(old, new, size) for size in sizes]
            if None in shifts:
                yield _why(old, new, sizes[shifts.index(None)], layer.class_name.startswith("ConvLSTM"))
            elif len(set(shifts)) > 1:
                yield "its calls take inputs of several sizes, which are padded in several ways"


def _why(old: Axis, new: Axis, size: int | None, has_state: bool) -> str:
    """Why two kernels do not put out the same."""
    some = size if size is not None else new.stride * (max(old.kernel, new.kernel) + 1) * new.dilation
    more = (new.kernel - old.kernel) * new.dilation
    if old.laid(some)[1] != new.laid(some)[1] and new.padding != "valid":
        return "its output has another size"
    if old.laid(some)[1] != new.laid(some)[1] and new.transposed:
        return f"`padding: valid` makes its output {more} larger, with the base's in the middle"
    if old.laid(some)[1] != new.laid(some)[1]:
        what = ", and its state too" if has_state else f"; it does not where the input is padded by {more} more"
        where = " than the base's, of which it is the inner part" if new.stride == 1 and not has_state else ""
        return f"`padding: valid` makes its output smaller{where}{what}"
    if size is None:
        return f"at stride {new.stride} it is so at some sizes of the input only: give `input` a fixed shape"
    return "the old kernel stands at no place of the new one where both read the same"


def _zeros(old: Axis, new: Axis, size: int | None) -> tuple[int, int]:
    """How many zeros stand before the old kernel and behind it."""
    more = new.kernel - old.kernel
    before = shift(old, new, size)
    before = more // 2 if before is None else before
    return before, more - before


def _padded(was: Recipe, pads: list[tuple[int, int]]) -> Callable[[Values], Any]:
    def make(values: Values) -> Any:
        import numpy as np  # a check that adapts nothing is to start without it

        return np.pad(was.make(values), pads)

    return make
