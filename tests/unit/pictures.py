"""Graphs and plans by hand, to be drawn: every state and every kind of node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import ClassVar

from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter, Preserves, Recipe
from spec_compiler.graph.layer_spec import LayerSpec, Origin, Shape, VariableSpec
from spec_compiler.graph.node import Node, TensorSpec, ValueRef
from spec_compiler.plan import Plan
from tests.unit.graphs import chain, graph

INSERT = Origin("insert", ("insert", 0))


def inserted(base: Graph, after: str, *names: str, size: int = 0) -> Graph:
    """The graph with new layers, one after the other, between a node and its consumers."""
    names = names or ("new",)
    weights = (VariableSpec("kernel", (size,), "float32", True, "vars/0", 0),) if size else ()
    config = {"class_name": "Dense", "config": {}}
    layers = [LayerSpec(name, "Dense", config, "layer", True, weights, INSERT) for name in names]
    outputs = base.nodes[after].outputs
    nodes = [Node(name, name, (ValueRef(last),), {}, outputs) for last, name in pairwise((after, *names))]
    edges = {edge: ValueRef(names[-1]) for edge in base.edges_from(ValueRef(after))}
    return base.spliced(INSERT, layers=layers, after={after: nodes}, rewire=edges)


def frozen(base: Graph, names: Iterable[str]) -> Graph:
    """The graph with these layers frozen."""
    return replace(
        base, layers={**base.layers, **{name: replace(base.layers[name], trainable=False) for name in names}}
    )


def with_shape(base: Graph, nodes: Iterable[str], shape: Shape) -> Graph:
    """The graph with another output shape of these nodes."""
    changed = {name: replace(base.nodes[name], outputs=(TensorSpec(shape),)) for name in nodes}
    return replace(base, nodes={**base.nodes, **changed})


def with_layer(base: Graph, name: str, **fields: object) -> Graph:
    """The graph with other fields of a layer."""
    return replace(base, layers={**base.layers, name: replace(base.layers[name], **fields)})  # type: ignore[arg-type]


def long_chain(length: int) -> Graph:
    """in -> l1 -> l2 …, with so many nodes."""
    return chain("in", *(f"l{number}" for number in range(1, length)))


def residual_tower(blocks: int) -> Graph:
    """Blocks of two layers and a shortcut around them: bN_x -> bN_y, added to what came before."""
    edges: dict[str, list[str]] = {"in": [], "stem": ["in"]}
    last = "stem"
    for number in range(blocks):
        edges |= {f"b{number}_x": [last], f"b{number}_y": [f"b{number}_x"], f"b{number}_add": [f"b{number}_y", last]}
        last = f"b{number}_add"
    edges["top"] = [last]
    return graph(edges, classes={name: "Add" for name in edges if name.endswith("_add")})


def replaced() -> Plan:
    """A range replaced by one layer, and what comes after it frozen."""
    base = chain("image", "conv1", "conv2", "pool", "dense", "scores")
    layer = LayerSpec(
        "new_conv", "Conv2D", {}, "layer", True, (VariableSpec("k", (9,), "float32", True, None, 0),), INSERT
    )
    node = Node("new_conv", "new_conv", (ValueRef("image"),), {}, (TensorSpec((None, 8)),))
    edges = {edge: ValueRef("new_conv") for edge in base.edges_from(ValueRef("conv2"))}
    after = base.spliced(INSERT, drop=["conv1", "conv2"], layers=[layer], after={"image": [node]}, rewire=edges)
    return Plan("fast_stem", base, frozen(after, ["pool", "dense"]))


def changed() -> Plan:
    """A branching graph in which a layer gets another argument, which changes shapes after it."""
    edges = {"in": [], "a": ["in"], "b": ["a"], "c": ["b"], "add": ["a", "c"], "scores": ["add"]}
    base = graph(edges, classes={"add": "Add"})
    config = {"class_name": "Dense", "config": {"name": "a", "units": 4, "activation": "gelu"}}
    after = with_layer(base, "a", config=config, variables=(VariableSpec("k", (8, 4), "float32", True, None, 0),))
    after = with_shape(after, ["a", "add"], (None, 4))
    return Plan("narrow", base, inserted(after, "b", "drop"))


class Said(Adapter):
    """An adapter that makes no values: what it says of them is enough for a picture."""

    strategy: ClassVar = "centre"
    formula: ClassVar = "zeros around the old kernel"
    said: ClassVar[tuple[Preserves, str]] = ("exact", "the function")

    @classmethod
    def of(cls, strategy: str, formula: str, said: tuple[Preserves, str] = said) -> type[Said]:
        """One of another strategy."""
        return type(strategy, (cls,), {"strategy": strategy, "formula": formula, "said": said})

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        return {}

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        return self.said


def adapted() -> Plan:
    """A chain of which most layers have weights that are made of the base's, and a new layer as well."""
    base = chain("in", "stem", *(f"conv{number}" for number in range(6)), "norm", "scores")
    after = inserted(base, "norm", "same")
    widened = Said.of("widen", "rows divided by the number of copies")(Origin("widen"))
    like = Said.of("like", "gamma, beta", ("not", "the function: other means"))
    adapters = {
        "stem": Said(Origin("set", ("set", 0, "weights"))),
        **{f"conv{number}": widened for number in range(6)},
        "norm": like(Origin("set", ("set", 1, "weights"))),
        "same": Said.of("identity", "kernel = I")(INSERT),
        "scores": Said.of("classes", "by name", ("partly", "2 of 8 | logits"))(Origin("set", ("set", 2, "weights"))),
    }
    layers = {name: replace(layer, adapter=adapters.get(name)) for name, layer in after.layers.items()}
    return Plan("adapted", base, replace(after, layers=layers))


def siamese() -> Plan:
    """A nested model and a layer that are called twice each, and an operation."""
    edges = {"left": [], "right": [], "tower@0": ["left"], "tower@1": ["right"], "embed@0": ["tower@0"]}
    edges |= {"embed@1": ["tower@1"], "subtract": ["embed@0", "embed@1"], "scores": ["subtract"]}
    base = graph(edges, classes={"tower": "Functional", "subtract": "Subtract"})
    base = with_layer(base, "tower", kind="model", inner=chain("x", "y", "z"))
    base = with_layer(base, "subtract", kind="operation", variables=())
    return Plan("siamese", base, frozen(base, ["tower"]))


def nested() -> Plan:
    """A model of two inputs and two outputs, in which a further model stands, and one that is large; a layer is new."""
    base = graph({"one": [], "two": [], "pair": ["one", "two"], "tower": ["pair"], "join": ["tower", "pair"]})
    edges = {"p": [], "q": [], "left": ["p"], "right": ["q"], "deep": ["left", "right"]}
    pair = with_layer(graph(edges, outputs=["left", "deep"]), "deep", kind="model", inner=chain("x", "y"))
    outputs = (TensorSpec((None, 8)), TensorSpec((None, 8)))
    join = replace(base.nodes["join"], args=([ValueRef("tower"), ValueRef("pair", 1)],))
    nodes = {**base.nodes, "pair": replace(base.nodes["pair"], outputs=outputs), "join": join}
    base = with_layer(replace(base, nodes=nodes), "pair", kind="model", class_name="Functional", inner=pair)
    base = with_layer(base, "tower", kind="model", class_name="Sequential", inner=long_chain(30))
    return Plan("nested", base, inserted(base, "join", "extra"))


def cut() -> Plan:
    """A large graph cut in its middle, with a new head, the rest frozen in part."""
    base = residual_tower(24)
    after = replace(base, outputs=ValueRef("b11_add")).pruned(Origin("cut_at"))
    after = inserted(after, "b11_add", "features", size=1234567)
    return Plan("features", base, frozen(after, [name for name in after.layers if name < "b4" and name[0] == "b"]))


AWKWARD: Sequence[str] = (
    'say "hi"',
    "a<b>&amp;</b>",
    "back\\slash \\N \\",
    "Größe · 層 ☃",
    "colon:port:n",
    "<TABLE><TR>",
    "long_" * 40,
    "tab\tand\x00nul",
    "node",
    "new (before)",
)


def awkward() -> Plan:
    """Names that no language likes, among them one that is dropped and then taken by a new layer."""
    base = chain("in", "new", *AWKWARD)
    edges = {edge: ValueRef("new") for edge in base.edges_from(ValueRef("new"))}
    layer = LayerSpec("new", "My<Layer>", {}, "layer", True, (), INSERT)
    node = Node("new", "new", (ValueRef("in"),), {}, (TensorSpec((None, 8)),))
    after = base.spliced(INSERT, drop=["new"], layers=[layer], after={"in": [node]}, rewire=edges)
    return Plan('"quoted" & <b>', base, after)
