"""`prune`: channels leave, through everything that they flow through; the rest computes what it did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, PlainValidator, StrictInt, StrictStr, WithJsonSchema, model_validator

from spec_compiler.diagnostics import Path, SpecError, show, under
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.selecting import Selecting
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.language.parsed import OneOrMore
from spec_compiler.language.selectors import Selector

By = Literal["l1", "l2", "gamma", "random"]
_NOT_BESIDE = ("layers", "keep", "by", "round_to", "where", "except", "expect")  # of `channels`
_ALL = Selector.parse("all")  # stands for the selector where channels are named
_Channels = Annotated[tuple[Annotated[StrictInt, Field(ge=0)], ...], Field(min_length=1), OneOrMore()]

_SHARE_OR_NUMBER = {
    "anyOf": [
        {"exclusiveMaximum": 1, "exclusiveMinimum": 0, "type": "number"},
        {"minimum": 1, "type": "integer"},
    ]
}


def _kept(raw: Any) -> Any:
    """What stays, as YAML says it: of the two forms that it has, an error is to name neither but both."""
    is_share = isinstance(raw, float) and 0 < raw < 1
    if raw is None or is_share or (isinstance(raw, int) and not isinstance(raw, bool) and raw >= 1):
        return raw
    message = f"`keep` is a share between 0 and 1 or a number of channels, got {show(raw)}"
    raise SpecError.single("SC103", message, help="for example `keep: 0.5`, or `keep: 64`")


class Prune(Selecting, Edit):
    """Fewer channels for layers that stay: a share or a number of them, or all but certain ones.

    Everything that the channels flow through changes with them. In a residual block the outputs of layers are added, so
    naming one of these layers changes all. Naming a layer inside of a nested model, such as `enc/conv1` of a base taken
    `as: layer`, opens that model; layers that are not named change in a closed one too.
    """

    key: ClassVar = "prune"
    says: ClassVar = "Channels to remove, with everything that reads them; the rest computes what it did."
    is_list: ClassVar = True
    names: ClassVar = ("layers", "except", "channels")
    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["layers", "keep"]},
                {"required": ["channels"], "not": {"anyOf": [{"required": [key]} for key in _NOT_BESIDE]}},
            ]
        },
    )

    layers: Selector | None = Field(
        default=None,
        description="Layers whose output gets fewer channels, and with them all layers whose outputs are added "
        "to theirs. Of several layers, those that cannot be pruned stay whole.",
        examples=["type:Conv2D", "block1_conv1"],
    )
    keep: Annotated[float | int, PlainValidator(_kept), WithJsonSchema(_SHARE_OR_NUMBER)] | None = Field(
        default=None, description="What stays: a share below 1, or a number of channels.", examples=[0.5, 64]
    )
    by: By = Field(
        default="l1",
        description="Which channels stay: those with the largest `l1` or `l2` norm of their weights, or with "
        "the largest `gamma` in the BatchNormalization behind; or `random` ones.",
        examples=["gamma"],
    )
    round_to: Annotated[StrictInt, Field(ge=1)] = Field(
        default=1, description="The number of channels that stay is a multiple of this.", examples=[8]
    )
    channels: Annotated[Mapping[StrictStr, _Channels], Field(min_length=1)] | None = Field(
        default=None,
        description="The channels of each layer that go, by their numbers from 0. It stands in place of the "
        "other keys.",
        examples=[{"conv1": [0, 3]}],
    )
    inexact: Literal["allow"] | None = Field(
        default=None,
        description="`allow` also removes channels over which a layer normalizes. The result then equals no "
        "masked model.",
        examples=["allow"],
    )

    @model_validator(mode="after")
    def _one_way(self) -> Prune:
        if self.channels is not None:
            for key in _NOT_BESIDE:
                if key in self.model_fields_set or f"{key}_" in self.model_fields_set:
                    message = f"`{key}` and `channels` exclude each other"
                    help = "`channels` says which ones go"
                    raise SpecError.single("SC108", message, path=(key,), at_key=True, help=help)
        elif self.layers is None:
            raise SpecError.single("SC102", "`prune` needs `layers` or `channels`", help="add `layers: …`")
        elif self.keep is None:
            help = "add `keep: 0.5`, a share, or a number of channels"
            raise SpecError.single("SC102", "`prune` needs `keep`, what stays", help=help)
        return self

    @property
    def _selector(self) -> Selector:
        return self.layers or _ALL

    def needs_shapes(self, graph: Graph) -> bool:
        """Always: it follows channels through the graph as it is."""
        return True

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with fewer channels."""
        from spec_compiler.edits.narrowing import Narrowing  # imports NumPy, which other specs are to start without

        narrowing = Narrowing.of(graph, Origin("prune", path), self.inexact is not None)
        if self.channels is not None:
            for name, numbers in self.channels.items():
                with under("channels", name):
                    narrowing.drop(name, numbers)
        else:
            assert self.layers is not None
            assert self.keep is not None
            nodes = self._selected(graph, "layers")
            with under("layers"):
                narrowing.keep(self.layers, nodes, self.keep, self.round_to, self.by)
        return narrowing.graph()
