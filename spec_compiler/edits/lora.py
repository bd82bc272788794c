"""`lora`: two small matrices beside each kernel, of which training changes nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StrictFloat, StrictInt

from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.selecting import Selecting
from spec_compiler.graph import Graph, LeftOut
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.low_rank import LowRank, parts_with_lora
from spec_compiler.graph.same_arguments import arguments_of
from spec_compiler.graph.trainable import with_frozen
from spec_compiler.keras_facts.lora import ATTENTION, CLASSES, PROJECTIONS, WRAPPERS
from spec_compiler.language.parsed import OneOrMore
from spec_compiler.language.selectors import Selector

_MOST = 5  # reasons that an error gives
Projection = Literal["query", "key", "value", "attention_output"]


class Lora(Selecting, Edit):
    """LoRA for kept layers: x·(W + alpha/rank·A·B), of which A and B train, and no other weight of the base.

    B begins as zeros, so that the model computes what it did. Of several layers those stay as they are that cannot have
    it, and the plan lists them; layers that the spec makes train as a whole.
    """

    key: ClassVar = "lora"
    says: ClassVar = "LoRA for kept layers: two small matrices beside each kernel train, the base's weights do not."
    is_list: ClassVar = True
    names: ClassVar = ("layers", "except")

    layers: Selector = Field(
        description="The layers of the base that get it; of several those stay as they are that cannot have it.",
        examples=["type:Dense", "encoder_*"],
    )
    rank: Annotated[StrictInt, Field(ge=1)] = Field(description="How many columns A has, and rows B.", examples=[8])
    alpha: Annotated[StrictInt | StrictFloat, Field(gt=0)] | None = Field(
        default=None,
        description="A·B counts alpha/rank times, Keras's `lora_alpha`; the rank if not said.",
        examples=[16],
    )
    projections: Annotated[tuple[Projection, ...], OneOrMore(), Field(min_length=1)] | None = Field(
        default=None,
        description="Of attention layers, which projections get it; all if not said.",
        examples=[["query", "value"]],
    )
    bias: Literal["frozen", "train"] = Field(
        default="frozen", description="Whether the biases beside these kernels train; Keras's `enable_lora` lets them."
    )

    @property
    def _selector(self) -> Selector:
        return self.layers

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with LoRA in these layers and all else of the base frozen; `Graph.left` has what cannot have it.

        Raises:
            SpecError: SC324 for a layer by its name that cannot have it, or several of which none can.
        """
        calls = self._selected(graph, "layers")
        names = tuple(dict.fromkeys(graph.nodes[call].layer for call in calls))
        origin = Origin("lora", path)
        given: dict[str, LayerSpec] = {}
        left: dict[str, str] = {}
        for name in names:
            layer = graph.layers[name]
            reason, parts = self._parts(layer)
            if reason:
                left[name] = reason
                continue
            lora = LowRank(self.rank, float(self.alpha or self.rank), parts, self.bias == "train", origin)
            given[name] = replace(layer, lora=lora, trainable=True)
        if not given:
            raise self._refused(graph, left)
        told = (
            LeftOut(name, reason, origin) for name, reason in left.items() if _could_have_weights(graph.layers[name])
        )
        others = [name for name, each in graph.layers.items() if _is_of_the_base(each) and name not in given]
        graph = with_frozen(graph, others)
        return replace(graph, layers={**graph.layers, **given}, left=(*graph.left, *told))

    def _parts(self, layer: LayerSpec) -> tuple[str, tuple[str, ...]]:
        """Why a layer cannot have it, nothing where it can; and which layers inside of it would."""
        reason = _reason(layer)
        if reason:
            return reason, ()
        if layer.class_name in ATTENTION:
            wanted = self.projections or PROJECTIONS
            return "", tuple(f"{name}/" for name in PROJECTIONS if name in wanted)
        if layer.class_name in WRAPPERS:
            return "", (f"{_arguments(_inside(layer)).get('name')}/",)
        return "", ("",)

    def _refused(self, graph: Graph, left: Mapping[str, str]) -> SpecError:
        """SC324 where no layer can have it."""
        name, reason = next(iter(left.items()))
        help = _help(graph.layers[name])
        if len(left) == 1:
            message = f"`{name}` cannot have LoRA: {reason}"
            return SpecError([Diagnostic("SC324", message, ("layers", *self.layers.path), help=help)])
        notes = tuple(f"`{each}`: {why}" for each, why in list(left.items())[:_MOST])
        message = f"none of the {len(left)} layers can have LoRA"
        return SpecError([Diagnostic("SC324", message, ("layers", *self.layers.path), notes=notes, help=_CLASSES)])


_CLASSES = f"the classes that can are {', '.join(f'`{each}`' for each in (*CLASSES, *ATTENTION))}"


def _reason(layer: LayerSpec) -> str:
    if layer.wrapped is not None:
        return f"it wraps `{layer.wrapped.name_in_base}`, which is no layer by itself any more"
    if layer.is_new:
        return "it is new, with no weights of the base to stay beside"
    if layer.kind == "model":
        return f"it is a nested model, whose layers are `{layer.name}/…`"
    inside = _inside(layer) if layer.class_name in WRAPPERS else layer.config
    name = str(inside.get("class_name"))
    if name not in (*CLASSES, *(ATTENTION if layer.class_name not in WRAPPERS else ())):
        what = f"a `{layer.class_name}` of a `{name}`" if layer.class_name in WRAPPERS else f"a `{layer.class_name}`"
        return f"{what} has none in Keras"
    if layer.lora is not None or parts_with_lora(layer.variables or ()):
        return "it has LoRA already"
    arguments = arguments_of(layer) if inside is layer.config else _arguments(inside)
    for key in ("kernel_constraint", "embeddings_constraint"):
        if arguments.get(key) is not None:
            return f"Keras gives none to a layer with a `{key}`"
    if any("gptq" in each or "awq" in each for each in _policies(layer, inside)):
        return "Keras gives none to a layer that is quantized so"
    return ""


def _policies(layer: LayerSpec, inside: Mapping[str, Any]) -> Iterator[str]:
    for config in (layer.config, inside):
        yield str(_arguments(config).get("dtype"))


def _inside(layer: LayerSpec) -> Mapping[str, Any]:
    """The config of the layer inside of a wrapper."""
    inside = layer.arguments.get("layer")
    return inside if isinstance(inside, Mapping) else {}


def _arguments(config: Mapping[str, Any]) -> Mapping[str, Any]:
    arguments = config.get("config")
    return arguments if isinstance(arguments, Mapping) else {}


def _help(layer: LayerSpec) -> str:
    if layer.is_new:
        return "leave it out, all of a new layer trains"
    if layer.kind == "model":
        return f"name them, as in `{layer.name}/..`"
    if parts_with_lora(layer.variables or ()) or layer.lora is not None:
        return "leave it out of the selector"
    return _CLASSES


def _could_have_weights(layer: LayerSpec) -> bool:
    """Whether a layer has weights, as far as is known of a new one."""
    return bool(layer.weights) or (layer.is_new and layer.class_name in (*CLASSES, *ATTENTION))


def _is_of_the_base(layer: LayerSpec) -> bool:
    """Whether a layer has weights of the base that LoRA leaves alone."""
    return layer.keeps_weights and layer.can_train and layer.lora is None
