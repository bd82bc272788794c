"""Which layers can have LoRA, which have it already, and why others cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.low_rank import parts_with_lora
from spec_compiler.graph.same_arguments import arguments_of
from spec_compiler.keras_facts.lora import ATTENTION, CLASSES, WRAPPERS

if TYPE_CHECKING:
    from spec_compiler.reading.lora_file import LoraFile

THAT_CAN = f"the classes that can are {', '.join(f'`{each}`' for each in (*CLASSES, *ATTENTION))}"


def reason_against(layer: LayerSpec) -> str:
    """Why Keras gives a layer no LoRA, or it is of no use there; nothing where it can have it."""
    if layer.wrapped is not None:
        return f"it wraps `{layer.wrapped.name_in_base}`, which is no layer by itself any more"
    if layer.is_new:
        return "it is new, with no weights of the base to stay beside"
    if layer.kind == "model":
        return f"it is a nested model, whose layers are `{layer.name}/…`"
    inside = config_inside(layer) if layer.class_name in WRAPPERS else layer.config
    name = str(inside.get("class_name"))
    if name not in (*CLASSES, *(ATTENTION if layer.class_name not in WRAPPERS else ())):
        what = f"a `{layer.class_name}` of a `{name}`" if layer.class_name in WRAPPERS else f"a `{layer.class_name}`"
        return f"{what} has none in Keras"
    if has_lora(layer):
        return "it has LoRA already"
    arguments = arguments_of(layer) if inside is layer.config else arguments_in(inside)
    for key in ("kernel_constraint", "embeddings_constraint"):
        if arguments.get(key) is not None:
            return f"Keras gives none to a layer with a `{key}`"
    if any("gptq" in each or "awq" in each for each in policies(layer, inside)):
        return "Keras gives none to a layer that is quantized so"
    return ""


def has_lora(layer: LayerSpec) -> bool:
    """Whether a layer has LoRA, new or of the base."""
    return layer.lora is not None or bool(parts_with_lora(layer.variables or ()))


def policies(layer: LayerSpec, inside: Mapping[str, Any]) -> Iterator[str]:
    """The names of the dtype policies of a layer and of the one inside of it."""
    for config in (layer.config, inside):
        said = arguments_in(config).get("dtype")
        yield str(arguments_in(said).get("name") if isinstance(said, Mapping) else said)


def config_inside(layer: LayerSpec) -> Mapping[str, Any]:
    """The config of the layer inside of a wrapper."""
    inside = layer.arguments.get("layer")
    return inside if isinstance(inside, Mapping) else {}


def arguments_in(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments that the config of a layer has, as Keras writes it."""
    arguments = config.get("config")
    return arguments if isinstance(arguments, Mapping) else {}


def what_to_do(layer: LayerSpec, merges: bool, file: LoraFile | None) -> str:
    """What to write instead, where a layer cannot have LoRA or has none to merge."""
    if merges and not has_lora(layer) and file is None:
        return "name the layers that have it, or leave `layers` out for all of them"
    if layer.is_new:
        return "leave it out, all of a new layer trains"
    if layer.kind == "model":
        return f"name them, as in `{layer.name}/..`"
    if layer.has_new_lora:
        return "leave it out of the selector"
    if has_lora(layer):
        return "merge it first: `steps: [{lora: {merge: true}}, {lora: …}]`, or leave it out of the selector"
    return THAT_CAN


def could_have_weights(layer: LayerSpec) -> bool:
    """Whether a layer has weights, as far as is known of a new one."""
    return bool(layer.weights) or (layer.is_new and layer.class_name in (*CLASSES, *ATTENTION))
