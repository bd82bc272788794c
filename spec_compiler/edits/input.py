"""`input`: the model on another input, every kept weight kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, StrictInt, StrictStr, model_validator

from spec_compiler.diagnostics import Path, SpecError, did_you_mean, quoted, under
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.preprocess import Preprocess
from spec_compiler.edits.rescale import Rescale, Scale
from spec_compiler.graph import Graph
from spec_compiler.graph.channels import channel_axis
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.resolve import resolve_one
from spec_compiler.keras_facts import catalogue
from spec_compiler.language.adapted import InputWeights
from spec_compiler.language.section import Section
from spec_compiler.language.selectors import Selector


def dtypes() -> list[str]:
    """The dtypes that a tensor has in Keras; the mixed ones are policies of layers."""
    names = catalogue.catalogue()["definitions"]["dtype"]["anyOf"][0]["enum"]
    return [name for name in names if not name.startswith("mixed_")]


def only_dtypes(schema: dict[str, Any]) -> None:
    """Narrows a field of the JSON Schema to dtypes, for which a variable may stand."""
    schema.update(pattern=rf"^({'|'.join(dtypes())})$|\$\{{")


def input_shape(graph: Graph, name: str) -> list[int | None]:
    """The shape of an input with the batch axis, as the edits so far have it."""
    arguments = graph.layer_of(name).arguments  # Keras 3 reads that of Keras 2, under another name
    stated = arguments.get("batch_shape") or arguments.get("batch_input_shape")
    return list(stated or graph.nodes[name].outputs[0].shape)


def has_old_shapes(graph: Graph) -> bool:
    """Whether edits have made layers, or changed some, whose shapes are those of the base until they are asked for."""
    return any(not node.outputs for node in graph.nodes.values()) or any(
        layer.changed_by is not None or layer.adapter is not None for layer in graph.layers.values()
    )


def _choices_of_preprocessing(schema: dict[str, Any]) -> None:
    schema["anyOf"] = [{"enum": ["auto", *catalogue.application_names()]}, {"type": "null"}]


Size = Annotated[StrictInt, Field(ge=1, lt=2**31)] | None


class Input(Section, Edit):
    """Another shape, number of channels, name or dtype of the model's input.

    A kept layer that the new input no longer fits is an error.
    """

    key: ClassVar = "input"
    says: ClassVar = "Another input for the model: shape, channels, name, dtype, preprocessing."
    names: ClassVar = ("layer",)
    parts: ClassVar = ("preprocess", "rescale")
    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": [key]} for key in ("shape", "channels", "name", "dtype", "preprocess", "rescale")],
            "not": {"anyOf": [{"required": ["shape", "channels"]}, {"required": ["preprocess", "rescale"]}]},
            "dependencies": {"weights": {"anyOf": [{"required": ["shape"]}, {"required": ["channels"]}]}},
        }
    )

    layer: Selector | None = Field(
        default=None, description="Which input, for a model with several.", examples=["left"]
    )
    shape: Annotated[tuple[Size, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="The shape without the batch axis; null for an axis of any size.",
        examples=[[320, 320, 3]],
    )
    channels: Annotated[StrictInt, Field(ge=1, lt=2**31)] | None = Field(
        default=None, description="The number of channels. The other sizes stay.", examples=[1]
    )
    weights: InputWeights | None = Field(
        default=None,
        description="What becomes of kernels that read other channels than before. Without it they are an error.",
        examples=["sum", {"take": [2, 1, 0]}],
    )
    name: Annotated[StrictStr, Field(min_length=1, pattern=r"^[^/]+$")] | None = Field(
        default=None, description="The input layer's new name.", examples=["pixels"]
    )
    dtype: StrictStr | None = Field(
        default=None,
        description="The dtype of the input.",
        examples=["uint8", "float32"],
        json_schema_extra=only_dtypes,
    )
    preprocess: StrictStr | None = Field(
        default=None,
        description="Adds an application's `preprocess_input` as layers behind the input. `auto` is the base's "
        "own application.",
        examples=["auto", "VGG16"],
        json_schema_extra=_choices_of_preprocessing,
    )
    rescale: Scale | None = Field(
        default=None,
        description="Adds Keras's `Rescaling` behind the input: `1/255`, or `{scale: 1/127.5, offset: -1}`.",
        examples=["1/255", {"scale": "1/127.5", "offset": -1}],
    )

    @model_validator(mode="after")
    def _something(self) -> Input:
        if self.shape is not None and self.channels is not None:
            message = "`shape` and `channels` exclude each other"
            help: str | None = "`shape` says the channels too"
            raise SpecError.single("SC108", message, path=("channels",), at_key=True, help=help)
        if self.weights is not None and self.shape is None and self.channels is None:
            help = "add `channels`, the number that the input is to have"
            raise SpecError.single("SC102", "`weights` needs `channels` or `shape`", path=("weights",), help=help)
        if self.preprocess is not None and self.rescale is not None:
            message = "`preprocess` and `rescale` exclude each other"
            help = "an application's preprocessing rescales too"
            raise SpecError.single("SC108", message, path=("rescale",), at_key=True, help=help)
        if self.dtype is not None and self.dtype not in dtypes():
            help = did_you_mean(self.dtype, dtypes(), "for example `dtype: uint8`")
            raise SpecError.single("SC103", f"Keras has no dtype `{self.dtype}`", path=("dtype",), help=help)
        if not self._changes and self.preprocess is None and self.rescale is None:
            help = "add `shape`, `channels`, `name`, `dtype`, `preprocess` or `rescale`"
            raise SpecError.single("SC102", "`input` changes nothing", help=help)
        return self

    def needs_shapes(self, graph: Graph) -> bool:
        """Where kernels are to fit what other edits have made of the input's channels."""
        return self.weights is not None and has_old_shapes(graph)

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph on the other input; `preprocess` and `rescale` are edits of their own, the next step."""
        if not self._changes:
            if self.layer is not None:
                self._which(graph)
            return graph
        graph = graph.with_its_shapes() if self.weights is not None else graph
        name = self._which(graph)
        layer = graph.layer_of(name)
        arguments = dict(layer.arguments)
        arguments.pop("batch_input_shape", None)
        shape = input_shape(graph, name)
        if self.shape is not None:
            shape = [shape[0], *self.shape]
        if self.channels is not None:
            shape[channel_axis(graph, name)] = self.channels
        arguments["batch_shape"] = shape
        if self.dtype is not None:
            arguments["dtype"] = self.dtype
        changed = replace(layer.with_arguments(arguments), changed_by=Origin("input", (*path, self._changes)))
        graph = replace(graph, layers={**graph.layers, layer.name: changed})
        return graph if self.name in (None, layer.name) else self._renamed(graph, layer, str(self.name))

    def steps(self, application: str | None) -> Iterator[tuple[Path, Edit]]:
        """The input itself, then its preprocessing or its scale; last what reads it, the preprocessing too."""
        yield (), self
        if self.preprocess is not None:
            yield ("preprocess",), Preprocess(self.preprocess, application, self.weights is not None)
        if self.rescale is not None:
            yield ("rescale",), Rescale(self.rescale, self._named)
        if self.weights is not None:
            from spec_compiler.edits.input_channels import AdaptChannels  # where nothing adapts, a check does without

            yield ("weights",), AdaptChannels(self.weights, self._named, self._beside_weights)

    @property
    def _changes(self) -> str:
        """The first key that says something of the input itself; nothing where none does."""
        return next((key for key in ("shape", "channels", "dtype", "name") if getattr(self, key) is not None), "")

    @property
    def _beside_weights(self) -> dict[str, Any]:
        said = {"shape": self.shape and list(self.shape), "channels": self.channels, "name": self.name}
        said |= {"dtype": self.dtype, "preprocess": self.preprocess}
        return {key: value for key, value in said.items() if value is not None}

    def _named(self, graph: Graph) -> str:
        return self.name or self._which(graph)

    def _which(self, graph: Graph) -> str:
        inputs = [ref.node for ref in graph.input_refs]
        if self.layer is not None:
            with under("layer"):
                name = resolve_one(self.layer, graph, "`layer`")
            if name not in inputs:
                message, help = f"`{name}` is no input of the model", f"the inputs are {quoted(inputs)}"
                raise SpecError.single("SC303", message, path=("layer",), help=help)
            return name
        if len(inputs) > 1:
            help = f"add `layer:` with one of {quoted(inputs)}"
            raise SpecError.single("SC205", f"the model has {len(inputs)} inputs", help=help)
        return inputs[0]

    def _renamed(self, graph: Graph, layer: LayerSpec, name: str) -> Graph:
        if name in graph.layers:
            message = f"a layer named `{name}` is already there, the base has it"
            raise SpecError.single("SC204", message, path=("name",), help="write a name that no layer has")
        return graph.given_names({layer.name: name}, {})
