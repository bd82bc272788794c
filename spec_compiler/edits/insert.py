"""`insert`: new layers on the edges of a layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from pydantic import ConfigDict, Field, model_validator

from spec_compiler.diagnostics import Path, SpecError, quoted, under
from spec_compiler.edits.chain import Chains, check_takes, matches_of
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.ends import single_output, tensor
from spec_compiler.edits.targets import Edge, Target
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.language.entries import Entries
from spec_compiler.language.section import Section

Use = tuple[str | None, ValueRef]  # a consumer, None being the model's output, and the tensor that it takes
# a layer's call, the tensor that the chain takes, and who takes its end instead
Found = tuple[str, ValueRef, list[Use]]
PLACES = ("after", "before", "between")


class Insert(Section, Edit):
    """New layers behind a layer, in front of one, or between two."""

    key: ClassVar = "insert"
    says: ClassVar = "New layers after or before a layer."
    is_list: ClassVar = True
    names: ClassVar = PLACES
    new_layers: ClassVar = ("with",)
    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [key]} for key in PLACES]})

    after: Target | None = Field(
        default=None,
        description="The new layers take this layer's output. All that read it read their output instead.",
        examples=["block3_pool", {"each": "type:Conv2D"}],
    )
    before: Target | None = Field(
        default=None,
        description="The new layers take what flows into this layer, and it takes their output. It must have "
        "one input.",
        examples=["block2_conv1"],
    )
    between: Edge | None = Field(
        default=None,
        description="Two layers: the new layers go between them. Other layers that read the first one are not "
        "affected.",
        examples=[["block1_pool", "block2_conv1"]],
    )
    with_: Entries = Field(
        alias="with",
        description="The new layers. In a name `{name}` stands for the name of the matched layer; with "
        "`between`, of the second one.",
        examples=[[{"Dropout": 0.3}]],
    )

    @model_validator(mode="after")
    def _one_place(self) -> Insert:
        places = [key for key in PLACES if getattr(self, key) is not None]
        if len(places) > 1:
            message = f"`{places[0]}` and `{places[1]}` exclude each other"
            raise SpecError.single("SC108", message, path=(places[1],), at_key=True, help="use two entries")
        if not places:
            message = "an insertion needs `after`, `before` or `between`"
            raise SpecError.single("SC102", message, help="add `after: LAYER`")
        return self

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with the chain on the edges."""
        origin = Origin("insert", path)
        field = next(key for key in PLACES if getattr(self, key) is not None)
        with under(field):
            matches = list(getattr(self, f"_{field}")(graph))
        several = len(matches) > 1 or getattr(getattr(self, field), "each", False)
        chains = Chains(graph, self.with_, origin, ("with",), several=several)
        places: dict[str, list[Node]] = {}
        rewire: dict[Use, ValueRef] = {}
        for (_, ref, uses), match in zip(matches, matches_of(graph, [name for name, _, _ in matches]), strict=True):
            chain = chains.add([ref], match)
            check_takes(graph, chain, [user for user, _ in uses if user is not None])
            places.setdefault(ref.node, []).extend(chain.nodes)
            rewire.update(dict.fromkeys(uses, chain.exit))
        edited = graph.spliced(origin, layers=chains.layers.values(), after=places, rewire=rewire)
        return chains.in_order(edited)

    def entries(self) -> tuple[Path, Entries]:
        """The new layers."""
        return ("with",), self.with_

    def _after(self, graph: Graph) -> Iterator[Found]:
        assert self.after is not None
        if not self.after.each:
            ref = tensor(self.after.selector, graph, "`after`")
            yield ref.node, ref, list(graph.edges_from(ref))
            return
        for name in self.after.resolve(graph, "after"):
            ref = single_output(graph, name, self.after.path)
            yield name, ref, list(graph.edges_from(ref))

    def _before(self, graph: Graph) -> Iterator[Found]:
        assert self.before is not None
        for name in self.before.resolve(graph, "before"):
            ref = _only_input(graph, name, self.before.path)
            yield name, ref, [(name, ref)]

    def _between(self, graph: Graph) -> list[Found]:
        assert self.between is not None
        ends = []
        for index, target in enumerate((self.between.start, self.between.end)):
            try:
                ends.append(target.resolve(graph, "between"))
            except SpecError as error:
                raise _beside(error, index, target.each) from None
        starts, stops = ends
        edges = ((name, ref) for name in stops for ref in dict.fromkeys(graph.nodes[name].data_inputs))
        matches: list[Found] = [(name, ref, [(name, ref)]) for name, ref in edges if ref.node in starts]
        if not matches:
            takes = quoted(ref.node for ref in graph.nodes[stops[0]].data_inputs[:4])
            message = f"no edge leads from `{starts[0]}` to `{stops[0]}`"
            raise SpecError.single("SC303", message, help=f"`{stops[0]}` takes {takes}" if takes else None)
        return matches


def _beside(error: SpecError, index: int, each: bool) -> SpecError:
    """The error of one end of an edge: `each` stands outside of the two ends, not inside."""
    if not each:
        return error.under(index)
    return SpecError(replace(problem, path=("each", index, *problem.path[1:])) for problem in error.diagnostics)


def _only_input(graph: Graph, name: str, path: Path) -> ValueRef:
    taken = list(dict.fromkeys(graph.nodes[name].data_inputs))
    if not taken:
        message = f"`{name}` is an input of the model, nothing comes before it"
        raise SpecError.single("SC303", message, path=path, help=f"insert after `{name}`")
    if len(taken) > 1:
        message = f"`{name}` takes {len(taken)} tensors, `before` needs a layer with one input"
        help = f"name the edge: `between: [{taken[0].node}, {name}]`"
        raise SpecError.single("SC303", message, path=path, help=help)
    return taken[0]
