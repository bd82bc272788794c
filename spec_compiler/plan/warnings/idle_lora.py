"""SC325: LoRA that is frozen and never trains, or that trains more than the kernel beside it has."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.edits.freeze import Freeze
from spec_compiler.edits.lora import Lora
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.low_rank import kernel_of, smaller_side
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec


def idle_lora(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """One warning at each `lora` for what is frozen, which no phase makes trainable, and one for too high a rank."""
    for path, lora in spec.edits():
        if not isinstance(lora, Lora):
            continue
        given = [each for each in plan.after.layers.values() if each.lora is not None and each.lora.origin.path == path]
        frozen = [each.name for each in given if not each.trainable]
        if frozen and spec.section(Freeze) is not None and not any(phase.unfreeze for phase in spec.train):
            message = f"`freeze` freezes {_first(frozen)} with the LoRA that is to train"
            help = "leave `freeze` out, or these layers out of it: `lora` freezes all else of the base by itself"
            yield Diagnostic("SC325", message, spec.place("freeze"), help=help)
        sides = {each.name: side for each in given if (side := _smallest(each)) is not None and _rank(each) > side}
        if sides and lora.rank is not None:
            smallest = min(sides.values())
            message = (
                f"a rank of {_rank(given[0])} is more than the smaller side of the kernel of {_first(list(sides))}"
            )
            help = f"write `rank: {smallest}` or less: more adds parameters, and nothing that could be learned"
            yield Diagnostic("SC325", message, (*path, "rank"), help=help)


def _rank(layer: LayerSpec) -> int:
    return layer.lora.rank if layer.lora is not None else 0


def _smallest(layer: LayerSpec) -> int | None:
    """The smallest side of the kernels of a layer that have LoRA."""
    assert layer.lora is not None
    kernels = (kernel_of(part, layer.variables or ()) for part in layer.lora.parts)
    return min((smaller_side(each) for each in kernels if each is not None), default=None)


def _first(names: list[str]) -> str:
    return f"`{names[0]}`" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
