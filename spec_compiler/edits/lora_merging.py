"""What a layer of the base becomes whose kernel takes in the LoRA that it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from spec_compiler.edits.lora_layers import arguments_in, config_inside, has_lora, policies
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.low_rank import LowRank, parts_with_lora
from spec_compiler.keras_facts.lora import WRAPPERS

_OF_CONFIG = ("lora_rank", "lora_alpha")


def merged(layer: LayerSpec, origin: Origin) -> LayerSpec | str:
    """A layer of the base without its LoRA, which its kernel takes in; why it cannot be, if it cannot."""
    variables = layer.variables or ()
    if not has_lora(layer) or layer.is_new:
        return "it has no LoRA"
    if layer.has_new_lora:
        return f"its LoRA is new, of `{layer.lora.origin.place if layer.lora else ''}`, and has learned nothing"
    inside = config_inside(layer) if layer.class_name in WRAPPERS else layer.config
    if any("int" in each or "float8" in each or "gptq" in each or "awq" in each for each in policies(layer, inside)):
        return "it is quantized, its kernel has no room for what was learned"
    from spec_compiler.adapters.low_rank import Merged  # imports NumPy, which other specs are to start without
    from spec_compiler.reading.lora_file import Learned  # as above

    said = layer.lora or arguments_in(inside)
    learned = {}
    for part in parts_with_lora(variables):
        rank = next(
            each.shape[-1] for each in variables if each.path.startswith(f"{part}lora_") and each.path[-1] == "a"
        )
        alpha = said.alpha if isinstance(said, LowRank) else float(said.get("lora_alpha") or rank)
        learned[part] = Learned(rank, alpha, "")
    adapter = Merged(origin, layer, learned)
    return replace(
        layer, config=_stripped(layer.config), lora=None, adapter=adapter, changed_by=layer.changed_by or origin
    )


def _stripped(config: Mapping[str, Any]) -> dict[str, Any]:
    """A layer's config without LoRA, of the layer inside of a wrapper as well."""
    arguments = {key: each for key, each in arguments_in(config).items() if key not in _OF_CONFIG}
    inside = arguments.get("layer")
    if isinstance(inside, Mapping):
        arguments["layer"] = _stripped(inside)
    return {**config, "config": arguments}
