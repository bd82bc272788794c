"""What LoRA is to a layer: which of its kernels get two small matrices, and what of it training leaves alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from spec_compiler.keras_facts.lora import KERNELS, part_of

if TYPE_CHECKING:
    from spec_compiler.graph.layer_spec import LayerSpec, Origin, VariableSpec


@dataclass(frozen=True, slots=True)
class LowRank:
    """LoRA as a spec gives it to a layer: y = x·(W + alpha/rank·A·B), of which training changes A and B.

    `parts` are the layers inside that get it, by what the paths of their variables begin with: `""` for the layer
    itself, `query/`.
    """

    rank: int
    alpha: float
    parts: tuple[str, ...]
    trains_bias: bool
    origin: Origin


def parts_with_lora(variables: Sequence[VariableSpec]) -> dict[str, None]:
    """The parts of a layer that have LoRA, in their order."""
    return {part: None for each in variables if (part := part_of(each.path)) is not None}


def kernel_of(part: str, variables: Sequence[VariableSpec]) -> VariableSpec | None:
    """The kernel of a part; None where it has none that LoRA is for."""
    return next((each for each in variables if each.path in [f"{part}{name}" for name in KERNELS]), None)


def smaller_side(kernel: VariableSpec) -> int:
    """Of a kernel as the matrix that LoRA takes it for, the smaller of its two sides."""
    return min(prod(kernel.shape[:-1]), kernel.shape[-1])


def held(layer: LayerSpec) -> Iterator[VariableSpec]:
    """The variables of a layer that LoRA keeps from training though the layer trains.

    Of LoRA that a spec gives: all but the matrices, and the biases beside them if it says so. Of LoRA that the base
    has: the kernels, as Keras's `enable_lora` does it.
    """
    variables = layer.variables or ()
    free = None
    if layer.lora is not None and layer.has_new_lora:
        free = {f"{part}bias" for part in layer.lora.parts} if layer.lora.trains_bias else frozenset[str]()
    kernels = {each for part in parts_with_lora(variables) if (each := kernel_of(part, variables)) is not None}
    for each in variables:
        if each in kernels or (free is not None and part_of(each.path) is None and each.path not in free):
            yield each
