"""What LoRA adds to a model and what it spares in training, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from spec_compiler.graph.low_rank import LowRank
from spec_compiler.keras_facts.lora import part_of
from spec_compiler.plan.memory_needed import shown_bytes

if TYPE_CHECKING:
    from spec_compiler.plan import Plan

_SLOTS = 3 * 4  # bytes of float32 that a parameter takes while it trains: its gradient, and Adam's two moments


def lora_lines(plan: Plan) -> Iterator[str]:
    """A line on how many layers have LoRA, what it adds, and how little trains; none where no edit gives any."""
    layers = [each for each in plan.after.layers.values() if each.has_new_lora]
    if not layers:
        return
    added = sum(each.num_elements for layer in layers for each in layer.weights if part_of(each.path) is not None)
    total = plan.after.num_parameters
    trained = total - plan.num_frozen
    whose = f"{len(layers)} layers" if len(layers) > 1 else f"`{layers[0].name}`"
    yield f"LoRA: {added:,} parameters beside the kernels of {whose}; {_share(trained, total)} of all train."
    needs, whole = shown_bytes(trained * _SLOTS), shown_bytes((total - added) * _SLOTS)
    yield f"Memory for gradients and Adam's moments: {needs}, of the whole model without LoRA {whole}."


def lora_text(lora: LowRank) -> str:
    """The LoRA of a layer in a few words."""
    where = [part.rstrip("/").rpartition("/")[2] for part in lora.parts if part]
    bias = ", with the bias" if lora.trains_bias else ""
    return f"rank {lora.rank}, alpha {lora.alpha:g}" + (f" in {', '.join(where)}" if where else "") + bias


def _share(part: int, whole: int) -> str:
    """A share in per cent, with as many digits as it takes to see it.

    >>> _share(4, 1000), _share(1, 100_000), _share(3, 4)
    ('0.4 %', '0.001 %', '75 %')
    """
    percent = 100 * part / whole if whole else 0.0
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.1g} %" if percent < 1 else f"{percent:.1f} %"
