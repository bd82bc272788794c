"""`insert`: new layers on the edges of a layer."""

from __future__ import annotations

from pydantic import Field, model_validator

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.edits.chain import make_chain
from spec_compiler.edits.ends import single_output
from spec_compiler.edits.section import Section
from spec_compiler.entries import Entries
from spec_compiler.graph import Graph, Origin, ValueRef
from spec_compiler.resolve import resolve_one
from spec_compiler.selectors import Selector


class Insert(Section):
    """A chain of new layers after a layer (all its consumers move to the chain's end) or before one."""

    after: Selector | None = Field(
        default=None, description="The layer whose output the chain takes; all its consumers move to the chain's end."
    )
    before: Selector | None = Field(
        default=None, description="The layer that takes the chain's output in place of its only input."
    )
    layers: Entries = Field(description="The chain of new layers.", examples=[[{"Dropout": 0.3}]])

    @model_validator(mode="after")
    def _one_place(self) -> Insert:
        if self.after is not None and self.before is not None:
            raise SpecError.single("SC108", "`after` and `before` exclude each other", path=("before",), at_key=True,
                                   help="use two entries")  # fmt: skip
        if self.after is None and self.before is None:
            raise SpecError.single("SC102", "an insertion needs `after` or `before`", help="add `after: LAYER`")
        return self

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with the chain on the edges."""
        origin = Origin("insert", path)
        if self.after is not None:
            try:
                ref = single_output(graph, resolve_one(self.after, graph, "`after`"))
            except SpecError as error:
                raise error.under("after") from None
            edges = list(graph.edges_from(ref))
        else:
            assert self.before is not None
            try:
                ref, edges = _input_of(graph, resolve_one(self.before, graph, "`before`"))
            except SpecError as error:
                raise error.under("before") from None
        chain = make_chain(graph, self.layers, [ref], origin, ("layers",))
        return graph.spliced(
            origin,
            layers=chain.layers,
            after={ref.node: chain.nodes},
            rewire=dict.fromkeys(edges, chain.exit),
        )


def _input_of(graph: Graph, name: str) -> tuple[ValueRef, list[tuple[str | None, ValueRef]]]:
    taken = list(dict.fromkeys(graph.nodes[name].inputs))
    if not taken:
        message = f"`{name}` is an input of the model, nothing comes before it"
        raise SpecError.single("SC303", message, help=f"insert after `{name}`")
    if len(taken) > 1:
        names = ", ".join(f"`{ref.node}`" for ref in taken[:4])
        message = f"`{name}` takes {len(taken)} tensors, `before` needs a layer with one input"
        raise SpecError.single("SC303", message, help=f"insert after one of {names}")
    return taken[0], [(name, taken[0])]
