"""LoRA in Keras's layers: given as a spec says, found where a base has it, and kept from training what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from spec_compiler.backend.models.store import parts
from spec_compiler.graph.layer_spec import BASE, LayerSpec, VariableSpec
from spec_compiler.graph.low_rank import LowRank
from spec_compiler.keras_facts.lora import ATTENTION, KERNELS, MATRICES, WRAPPERS


def give_lora(layer: Any, spec: LayerSpec, variables: Sequence[VariableSpec]) -> None:
    """Gives a layer, which is built, the LoRA of its spec, and that of its config the `lora_alpha` that this says.

    `variables` are as the layer has them. What it has already stays.
    """
    by_part = named_parts(layer, variables)
    lora = spec.lora
    if lora is not None:
        for part in [by_part[name] for name in lora.parts]:
            if not part.lora_enabled:
                part.enable_lora(lora.rank, lora_alpha=_alpha(lora.alpha))
        if spec.trainable:
            hold(layer, spec)
    for is_inside, alpha in _said(spec):  # in some classes `build` forgets it, as in keras/src/layers/core/dense.py
        holder: Any = getattr(layer, "layer", None) if is_inside else layer
        if getattr(holder, "lora_enabled", False):
            holder.lora_alpha = alpha


def _said(spec: LayerSpec) -> Iterator[tuple[bool, Any]]:
    """The `lora_alpha` that a config says, of the layer and of the one that it wraps."""
    own = {**spec.arguments, **spec.changed}
    inside = own.get("layer") if spec.class_name in WRAPPERS else None
    said = inside.get("config") if isinstance(inside, Mapping) else None
    for is_inside, arguments in ((False, own), (True, said)):
        if isinstance(arguments, Mapping) and arguments.get("lora_rank") and arguments.get("lora_alpha") is not None:
            yield is_inside, arguments["lora_alpha"]


def _alpha(alpha: float) -> float | int:
    return int(alpha) if alpha == int(alpha) else alpha  # as it is written in a config


def named_parts(layer: Any, variables: Sequence[VariableSpec]) -> dict[str, Any]:
    """The layers inside of a layer that LoRA is for, by what the paths of their variables begin with."""
    paths = {id(each): described.path for described, each in zip(variables, layer.variables, strict=True)}
    found = {}
    for part in parts(layer):
        kernel = kernel_variable(part)
        path = paths.get(id(kernel), "")
        name = next((name for name in KERNELS if path == name or path.endswith(f"/{name}")), None)
        if name is not None and hasattr(part, "enable_lora"):
            found[path.removesuffix(name)] = part
    return found


def kernel_variable(part: Any) -> Any:
    """The variable of a layer's kernel: its `kernel` is what LoRA makes of it."""
    return next((value for name in KERNELS if (value := vars(part).get(f"_{name}")) is not None), None)


def matrices(part: Any) -> tuple[Any, Any]:
    """A and B of a layer that has LoRA."""
    a, b = (next(getattr(part, name) for name in MATRICES[key] if hasattr(part, name)) for key in ("a", "b"))
    return a, b


def with_lora(layer: Any) -> list[Any]:
    """The layers inside of a layer or model, or that itself, that have LoRA."""
    return [each for each in parts(layer) if getattr(each, "lora_enabled", False)]


def hold(layer: Any, spec: LayerSpec) -> None:
    """Keeps from training what LoRA in a layer that trains holds, as `graph.low_rank.held` says it.

    Keras forgets it where the layer is frozen and made trainable again.
    """
    with_matrices = with_lora(layer)
    for part in with_matrices:
        kernel_variable(part).trainable = False
    lora = spec.lora
    if lora is None or not spec.has_new_lora:
        return
    free = {id(each) for part in with_matrices for each in matrices(part)}
    free |= {id(getattr(part, "bias", None)) for part in with_matrices if lora.trains_bias}
    for part in parts(layer):
        for variable in part._trainable_variables:
            if id(variable) not in free:
                variable.trainable = False


def read_lora(layer: Any, class_name: str, variables: Sequence[VariableSpec]) -> LowRank | None:
    """The LoRA inside of a layer whose config does not say it; None where there is none, or of several kinds."""
    if class_name not in ATTENTION:
        return None
    found = {name: part for name, part in named_parts(layer, variables).items() if part.lora_enabled}
    kinds = {(part.lora_rank, part.lora_alpha) for part in found.values()}
    if len(kinds) != 1:
        return None
    ((rank, alpha),) = kinds
    return LowRank(int(rank), float(alpha), tuple(found), True, BASE)
