"""`lora`: two small matrices beside each kernel, of which training changes nothing else; loaded, and merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, quoted
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.lora_layers import (
    THAT_CAN,
    arguments_in,
    config_inside,
    could_have_weights,
    reason_against,
    what_to_do,
)
from spec_compiler.edits.lora_merging import merged
from spec_compiler.edits.selecting import Selecting
from spec_compiler.graph import Graph, LeftOut
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.low_rank import LowRank
from spec_compiler.graph.trainable import with_frozen
from spec_compiler.keras_facts.lora import ATTENTION, PROJECTIONS, WRAPPERS
from spec_compiler.language.parsed import OneOrMore
from spec_compiler.language.selectors import Selector

if TYPE_CHECKING:
    from spec_compiler.reading.lora_file import LoraFile

_MOST = 5  # reasons that an error gives
_ALL = Selector.parse("all")  # stands for the selector where none is needed
_NOT_MERGED = ("rank", "alpha", "projections", "bias")  # of what is merged, which has its own
_MERGES: dict[str, Any] = {"required": ["merge"], "properties": {"merge": {"const": True}}}
Projection = Literal["query", "key", "value", "attention_output"]


class Lora(Selecting, Edit):
    """LoRA for kept layers: beside each kernel W two small matrices train, x·(W + alpha/rank·A·B).

    No other weight of the base trains; layers that the spec makes train as a whole. B begins as zeros, so at first the
    model computes what it did. Of several layers, those that cannot have LoRA stay as they are, and the plan lists
    them.
    """

    key: ClassVar = "lora"
    says: ClassVar = "LoRA for kept layers: two small matrices beside each kernel train, the base's weights do not."
    is_list: ClassVar = True
    names: ClassVar = ("layers", "except")
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"layers": "type:Dense", "rank": 8, "alpha": 16.0}],
            "dependencies": {"others": ["weights"], "other_base": ["weights"]},
            "if": _MERGES,
            "then": {"not": {"anyOf": [{"required": [key]} for key in _NOT_MERGED]}},
            "else": {"anyOf": [{"required": ["weights"]}, {"required": ["layers", "rank"]}]},
        }
    )

    layers: Selector | None = Field(
        default=None,
        description="The layers of the base that get LoRA. Of several layers, those that cannot have it stay as "
        "they are. If left out: with `weights` the layers of the file, with `merge` all that have "
        "LoRA.",
        examples=["type:Dense", "encoder_*"],
    )
    rank: Annotated[StrictInt, Field(ge=1, lt=2**31)] | None = Field(
        default=None,
        description="How many columns A has, and how many rows B. With `weights`, the file says it.",
        examples=[8],
    )
    alpha: Annotated[StrictFloat, Field(gt=0, lt=2**31)] | None = Field(
        default=None,
        description="Keras's `lora_alpha`: A·B counts alpha/rank times. If left out: the rank, or with "
        "`weights` what the file says.",
        examples=[16],
    )
    projections: Annotated[tuple[Projection, ...], OneOrMore(), Field(min_length=1)] | None = Field(
        default=None,
        description="Which projections of attention layers get LoRA. If left out, all.",
        examples=[["query", "value"]],
    )
    bias: Literal["frozen", "train"] = Field(
        default="frozen",
        description="Whether the biases beside these kernels train too, as with Keras's `enable_lora`.",
        examples=["train"],
    )
    weights: Annotated[StrictStr, Field(min_length=1)] | None = Field(
        default=None,
        description="A file of adapters: the values of A and B, and of what trained beside them, such as a head.",
        examples=["runs/birds/best.adapters.npz"],
    )
    others: Literal["load", "skip"] = Field(
        default="load",
        description="Whether to load what the file has beside the matrices, such as a head.",
        examples=["skip"],
    )
    other_base: Literal["allow"] | None = Field(
        default=None,
        description="`allow` takes the file although the kernels are others than those beside which it was learned.",
        examples=["allow"],
    )
    merge: StrictBool = Field(
        default=False,
        description="Whether the layers become plain layers with the kernel W + alpha/rank·A·B. The matrices "
        "are those of the file, or of the base.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _enough(self) -> Lora:
        said = self.model_fields_set
        if self.weights is None:
            for key in ("others", "other_base"):
                if key in said:
                    message = f"`{key}` is about `weights`, which is not there"
                    raise SpecError.single("SC108", message, path=(key,), at_key=True, help="add `weights: FILE`")
        if self.merge:
            idle = [key for key in _NOT_MERGED if key in said]
            if idle:
                message = f"`{idle[0]}` and `merge` exclude each other"
                help = "leave it out: what is merged has its own"
                raise SpecError.single("SC108", message, path=(idle[0],), at_key=True, help=help)
        elif self.weights is None:
            for key, example in (("layers", "type:Dense"), ("rank", "8")):
                if getattr(self, key) is None:
                    raise SpecError.single("SC102", f"`lora` needs `{key}`", help=f"add `{key}: {example}`")
        return self

    @property
    def _selector(self) -> Selector:
        return self.layers or _ALL

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with LoRA in these layers and all else of the base frozen; `Graph.left` has what cannot have it.

        Raises:
            SpecError: SC324 for a layer by its name that cannot have it, or several of which none can; SC516 for a file
                that is of other layers.
        """
        origin = Origin("lora", path)
        file = graph.lora_files[self.weights] if self.weights is not None else None
        given: dict[str, LayerSpec] = {}
        left: dict[str, str] = {}
        for name in self._names(graph, file):
            layer = graph.layers[name]
            made = self._changed(layer, origin, file)
            if isinstance(made, str):
                left[name] = made
            else:
                given[name] = made
        if not given:
            raise self._refused(graph, left, file)
        if file is not None:
            given |= self._others(graph, given, file, origin)
        listed = {
            name: reason for name, reason in left.items() if self.layers and could_have_weights(graph.layers[name])
        }
        told = (LeftOut(name, reason, origin) for name, reason in listed.items())
        if not self.merge:
            others = [name for name, each in graph.layers.items() if _is_of_the_base(each)]
            graph = with_frozen(graph, [name for name in others if name not in given or given[name].lora is None])
        layers = {name: replace(each, trainable=_trains(each, graph)) for name, each in given.items()}
        return replace(graph, layers={**graph.layers, **layers}, left=(*graph.left, *told))

    def _names(self, graph: Graph, file: LoraFile | None) -> tuple[str, ...]:
        """The layers that are meant.

        Raises:
            SpecError: as `resolve`; SC516 for layers of the file that are none of the model.
        """
        if self.layers is not None or file is None:
            calls = self._selected(graph, "layers")
            return tuple(dict.fromkeys(graph.nodes[call].layer for call in calls))
        from spec_compiler.adapters.low_rank import parts_in  # imports NumPy, which other specs are to start without

        names = tuple(name for name, layer in graph.layers.items() if parts_in(file, layer.name_in_keras))
        known = {graph.layers[name].name_in_keras for name in names}
        strangers = [each for each in file.layers if each not in known and each.rpartition("/")[0] not in known]
        if strangers:
            message = f"`{file.name}` has adapters for {quoted(strangers[:3])}, which is no layer here"
            help = "start from the base that they were trained on, or say with `layers` which of them are meant"
            raise SpecError.single("SC516", message, path=("weights",), help=help)
        return names

    def _changed(self, layer: LayerSpec, origin: Origin, file: LoraFile | None) -> LayerSpec | str:
        """A layer with LoRA, or with what it has learned merged; why it cannot be, if it cannot."""
        if self.merge and file is None:
            return merged(layer, origin)
        reason, parts = self._parts(layer)
        if reason:
            return reason
        if file is None:
            assert self.rank is not None
            alpha = float(self.alpha or self.rank)
            return replace(layer, lora=LowRank(self.rank, alpha, parts, self.bias == "train", origin))
        from spec_compiler.adapters.low_rank import FromFile, Merged, parts_in  # as above

        learned = parts_in(file, layer.name_in_keras)
        if not learned:
            return f"`{file.name}` has no adapters for it"
        is_other = self.other_base is not None
        if self.merge:
            adapter = Merged(origin, layer, learned, file, is_other, self.others == "load")
            return replace(layer, adapter=adapter, changed_by=layer.changed_by or origin)
        rank, alpha = self._of_the_file(learned, file)
        lora = LowRank(rank, alpha, tuple(learned), self.bias == "train", origin)
        return replace(layer, lora=lora, adapter=FromFile(origin, layer, file, is_other, self.others == "load"))

    def _of_the_file(self, learned: Mapping[str, Any], file: LoraFile) -> tuple[int, float]:
        """Rank and alpha of a layer's adapters.

        Raises:
            SpecError: SC516 the spec says others, or they differ inside of the layer.
        """
        kinds = {(each.rank, each.alpha) for each in learned.values()}
        if len(kinds) > 1:
            message = f"`{file.name}` has adapters of several ranks inside of one layer"
            raise SpecError.single("SC516", message, path=("weights",), help="save them with one rank a layer")
        ((rank, alpha),) = kinds
        for key, said, has in (("rank", self.rank, rank), ("alpha", self.alpha, alpha)):
            if said is not None and said != has:
                message = f"`{key}: {said:g}` is not that of `{file.name}`, which is {has:g}"
                raise SpecError.single("SC516", message, path=(key,), help=f"leave it out, or write `{key}: {has:g}`")
        return rank, alpha

    def _others(
        self, graph: Graph, given: Mapping[str, LayerSpec], file: LoraFile, origin: Origin
    ) -> dict[str, LayerSpec]:
        """The layers that get variables as a whole from the file, a head for one.

        Raises:
            SpecError: SC516 for those of no layer.
        """
        if self.others == "skip":
            return {}
        from spec_compiler.adapters.low_rank import FromFile, others_of  # as above

        found: dict[str, LayerSpec] = {}
        seen: set[str] = set()
        for name, layer in graph.layers.items():
            names = others_of(file, layer.name_in_keras)
            seen.update(names)
            if names and name not in given:
                found[name] = replace(layer, adapter=FromFile(origin, layer, file))
        strangers = [each for each in file.others if each not in seen]
        if strangers:
            message = f"`{file.name}` has {quoted(strangers[:3])}, variables of no layer here"
            help = "name the new layer as in the run that wrote the file, or write `others: skip`"
            raise SpecError.single("SC516", message, path=("weights",), help=help)
        return found

    def _parts(self, layer: LayerSpec) -> tuple[str, tuple[str, ...]]:
        """Why a layer cannot have it, nothing where it can; and which layers inside of it would."""
        reason = reason_against(layer)
        if reason:
            return reason, ()
        if layer.class_name in ATTENTION:
            wanted = self.projections or PROJECTIONS
            return "", tuple(f"{name}/" for name in PROJECTIONS if name in wanted)
        if layer.class_name in WRAPPERS:
            return "", (f"{arguments_in(config_inside(layer)).get('name')}/",)
        return "", ("",)

    def _refused(self, graph: Graph, left: Mapping[str, str], file: LoraFile | None) -> SpecError:
        """SC324 where no layer can have it."""
        is_alone = self.merge and file is None  # what the base has is to be merged
        path = ("merge" if is_alone else "weights",) if self.layers is None else ("layers", *self.layers.path)
        notes: tuple[str, ...] = ()
        helps = list(dict.fromkeys(what_to_do(graph.layers[name], self.merge, file) for name in left))
        help = helps[0] if len(helps) == 1 else THAT_CAN
        if len(left) == 1 and path != ("merge",):
            ((name, reason),) = left.items()
            message = f"`{name}` cannot {'be merged' if self.merge else 'have LoRA'}: {reason}"
        elif is_alone:
            message = f"none of the {len(left)} layers has LoRA that could be merged"
            help = "leave `merge` out, or name a file: `weights: FILE`"
        else:
            message = f"none of the {len(left)} layers can have LoRA"
            notes = tuple(f"`{each}`: {why}" for each, why in list(left.items())[:_MOST])
        return SpecError([Diagnostic("SC324", message, path, notes=notes, help=help)])


def _trains(layer: LayerSpec, graph: Graph) -> bool:
    """Whether a layer that `lora` changed trains: with LoRA it does."""
    return layer.lora is not None or graph.layers[layer.name].trainable


def _is_of_the_base(layer: LayerSpec) -> bool:
    """Whether a layer has weights of the base that LoRA leaves alone."""
    return layer.keeps_weights and layer.can_train and layer.lora is None
