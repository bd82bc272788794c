"""`inputs`: new inputs of the model, which take the place of others or which later sections take by their names.

The model's inputs stay a mapping where they are one, as data is fed by their names there; else they are a list, or the
one that is left. Those of the base that remain come first, then the new ones in the order in which they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, StrictStr, model_validator

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, collected, did_you_mean, quoted, show, under, write
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.input import Size, dtypes, has_old_shapes, input_shape, only_dtypes
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.node import Node, Structure, TensorSpec, ValueRef, filtered, references
from spec_compiler.graph.resolve import resolve
from spec_compiler.language.adapted import InputWeights
from spec_compiler.language.section import Section, Value
from spec_compiler.language.selectors import Selector

_FORM = "write `inputs: {NAME: {shape: […]}}`"


class NewInput(Section):
    """A new input: its shape, and the inputs that it takes the place of."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": ["shape"]}, {"required": ["feeds"]}],
            "dependencies": {"weights": ["shape"]},
        }
    )

    shape: Annotated[tuple[Size, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="The shape without the batch axis; null for an axis of any size. If left out, that of the "
        "inputs which it feeds.",
        examples=[[96, 96, 3]],
    )
    dtype: StrictStr | None = Field(
        default=None,
        description="The dtype. If left out, that of the inputs which it feeds, or float32.",
        examples=["float32", "int32"],
        json_schema_extra=only_dtypes,
    )
    feeds: Selector | None = Field(
        default=None,
        description="Inputs of the model whose place the new input takes: one, or a list.",
        examples=[["a/input_layer", "b/input_layer"]],
    )
    weights: InputWeights | None = Field(
        default=None,
        description="What becomes of kernels if the new input has other channels than the inputs that it feeds.",
        examples=["sum"],
    )

    @model_validator(mode="before")
    @classmethod
    def _is_a_mapping(cls, raw: Any) -> Any:
        if isinstance(raw, list | tuple):
            help = write({"shape": list(raw)}, "write `{shape: […]}`")
            raise SpecError.single("SC103", f"an input is a mapping, got {show(raw)}", help=help)
        return raw

    @model_validator(mode="after")
    def _says_its_shape(self) -> NewInput:
        if self.dtype is not None and self.dtype not in dtypes():
            help = did_you_mean(self.dtype, dtypes(), "for example `dtype: uint8`")
            raise SpecError.single("SC103", f"Keras has no dtype `{self.dtype}`", path=("dtype",), help=help)
        if self.shape is None and self.feeds is None:
            help = "add `shape: […]` without the batch axis, or `feeds:` with inputs of the model"
            raise SpecError.single("SC102", "a new input needs `shape` or `feeds`", help=help)
        if self.weights is not None and (self.shape is None or self.feeds is None):
            help = "leave it out: nothing reads this input that has weights of the base"
            help = help if self.feeds is None else "say with `shape` which channels the input has"
            message = "`weights` needs `shape` and `feeds`"
            raise SpecError.single("SC102", message, path=("weights",), help=help)
        return self

    def fed(self, graph: Graph) -> tuple[str, ...]:
        """The inputs that it takes the place of.

        Raises:
            SpecError: SC303 for a layer that is no input, else as `resolve`.
        """
        if self.feeds is None:
            return ()
        inputs = [ref.node for ref in graph.input_refs]
        with under("feeds"):
            names = resolve(self.feeds, graph)
            other = next((name for name in names if name not in inputs), None)
            if other is not None:
                help = did_you_mean(other, inputs, f"the inputs are {quoted(inputs[:6])}")
                raise SpecError.single("SC303", f"`{other}` is no input of the model", help=help)
        return names

    def layer(self, name: str, graph: Graph, fed: tuple[str, ...], origin: Origin) -> LayerSpec:
        """The input as a layer, of the shape and the dtype that the spec says, else of those that it feeds.

        Raises:
            SpecError: SC401 where those that it feeds have several.
        """
        first = dict(graph.layer_of(fed[0]).arguments) if fed else {}
        batch, *inside = input_shape(graph, fed[0]) if fed else (None,)
        if self.shape is None:
            self._check_alike("shape", {each: tuple(input_shape(graph, each)[1:]) for each in fed})
        if self.dtype is None:
            self._check_alike("dtype", {each: _dtype(graph, each) for each in fed})
        arguments = {key: first[key] for key in ("sparse", "ragged") if first.get(key)}
        arguments["batch_shape"] = [batch, *(inside if self.shape is None else self.shape)]
        arguments["dtype"] = self.dtype or (_dtype(graph, fed[0]) if fed else "float32")
        config = {"module": "keras.layers", "class_name": "InputLayer", "config": arguments, "registered_name": None}
        return LayerSpec(name, "InputLayer", config, "input", variables=(), origin=origin)

    @staticmethod
    def _check_alike(what: str, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            first, one = next(iter(values.items()))
            if value != one:
                message = f"`{first}` has the {what} {one}, `{name}` has {value}"
                raise SpecError.single("SC401", message, path=("feeds",), help=f"say with `{what}:` which it is to be")


class Inputs(Value, Edit):
    """New inputs, which take the place of others or which a later section takes.

    Its keys are the names of the new inputs, by which `from:` takes them. A name is new to the model and has no slash.
    """

    key: ClassVar = "inputs"
    says: ClassVar = "New inputs by their names: they take the place of others, or a later `from:` takes them."
    keys_are_names: ClassVar = True
    names: ClassVar = ("",)

    root: dict[Annotated[StrictStr, Field(min_length=1, pattern=r"^[^/]+$")], NewInput] = Field(
        min_length=1,
        examples=[{"image": {"shape": [96, 96, 3], "feeds": ["a/input_layer", "b/input_layer"]}}],
    )

    @model_validator(mode="before")
    @classmethod
    def _is_a_mapping(cls, raw: Any) -> Any:
        if isinstance(raw, str | list | tuple):
            raise SpecError.single("SC103", f"`inputs` maps names to inputs, got {show(raw)}", help=_FORM)
        return raw

    def needs_shapes(self, graph: Graph) -> bool:
        """As for `input`."""
        return any(new.weights is not None for new in self.root.values()) and has_old_shapes(graph)

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with the new inputs, on which everything depends that depended on those that they feed."""
        if any(new.weights is not None for new in self.root.values()):
            graph = graph.with_its_shapes()
        layers: dict[str, LayerSpec] = {}
        nodes: dict[str, Node] = {}
        fed_by: dict[str, str] = {}
        problems: list[Diagnostic] = []
        for name, new in self.root.items():
            with collected(problems, name):
                if name in graph.layers:
                    message = f"a layer named `{name}` is already there, the base has it"
                    raise SpecError.single("SC204", message, at_key=True, help="write a name that no layer has")
                fed = new.fed(graph)
                for each in fed:
                    if each in fed_by:
                        message = f"`{each}` is fed by `{fed_by[each]}` already"
                        raise SpecError.single("SC108", message, path=("feeds",), help="keep one of the two")
                layers[name] = new.layer(name, graph, fed, Origin(self.key, (*path, name)))
                nodes[name] = Node(name, name, outputs=_outputs(graph, fed, layers[name]))
                fed_by |= dict.fromkeys(fed, name)
        if problems:
            raise SpecError(problems)
        begun = replace(graph, layers={**layers, **graph.layers}, nodes={**nodes, **graph.nodes})
        edges = {edge: ValueRef(new) for old, new in fed_by.items() for edge in graph.edges_from(ValueRef(old))}
        fed_graph = begun.spliced(Origin(self.key, path), drop=fed_by, rewire=edges)
        # Until the end: an edit that takes away what no output needs must leave an input that `head` will take.
        idle = (graph.idle - fed_by.keys()) | layers.keys()
        return replace(fed_graph, inputs=_joined(graph.inputs, fed_by, layers), idle=idle)

    def steps(self, application: str | None) -> Iterator[tuple[Path, Edit]]:
        """The inputs themselves, then what reads them."""
        yield (), self
        for name, new in self.root.items():
            if new.weights is not None:
                from spec_compiler.edits.input_channels import AdaptChannels  # only where something adapts

                yield (name, "weights"), AdaptChannels(new.weights, partial(_same, name))

    def gives_names(self, path: Path) -> Mapping[str, tuple[str, Origin]]:
        """The new inputs that take the place of one each, which has another name until then."""
        fed = {name: new.feeds for name, new in self.root.items()}
        return {
            name: (feeds.terms[0].text, Origin(self.key, (*path, name)))
            for name, feeds in fed.items()
            if feeds is not None and len(feeds.terms) == 1
        }


def _same(name: str, graph: Graph) -> str:
    return name


def _dtype(graph: Graph, name: str) -> str:
    dtype = graph.layer_of(name).arguments.get("dtype")
    return dtype if isinstance(dtype, str) else graph.nodes[name].outputs[0].dtype


def _outputs(graph: Graph, fed: tuple[str, ...], layer: LayerSpec) -> tuple[TensorSpec, ...]:
    """What its consumers took until now, as for an input that `input` changes; of one that feeds nothing what it is."""
    if fed:
        return graph.nodes[fed[0]].outputs
    return (TensorSpec(tuple(layer.arguments["batch_shape"]), layer.arguments["dtype"]),)


def _joined(inputs: Structure, fed: Iterable[str], new: Iterable[str]) -> Structure:
    """The model's inputs less those that are fed, with the new ones."""
    added = {name: ValueRef(name) for name in new}
    remaining = {ref.node for ref in references(inputs)} - set(fed)
    if isinstance(inputs, Mapping):
        return {**filtered(inputs, remaining), **added}
    listed = inputs if isinstance(inputs, list | tuple) else [inputs]
    several = [*filtered(list(listed), remaining), *added.values()]
    return several[0] if len(several) == 1 else several
