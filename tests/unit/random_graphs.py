"""Graphs drawn at random, as a reader of models would make them: every node serves an output, every layer is called.

They are made of a seed and a size: strategies for each choice would take most of the time of a test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Kind, LayerSpec, Stored, VariableSpec
from spec_compiler.graph.node import Node, TensorSpec, ValueRef, map_references, references

KINDS = ("dense", "norm", "relu", "drop", "merge", "attend", "operation", "split", "again", "again", "nested")


class _Call(NamedTuple):
    """A call before it has its name: its layer, and its arguments, whose tensors are (call, index)."""

    layer: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    num_outputs: int = 1


def chances() -> st.SearchStrategy[Random]:
    """What a test that makes choices of its own chooses with."""
    return st.integers(0, 2**16).map(Random)


def graphs() -> st.SearchStrategy[Graph]:
    """Graphs of layers `l0`, `l1` … on inputs `in0`, `in1`: branches, merges, shared and nested layers, many ends."""
    return st.builds(_random_graph, chances(), st.integers(1, 7), st.integers(1, 2))


def _random_graph(chance: Random, size: int, num_inputs: int, depth: int = 1) -> Graph:
    layers: dict[str, LayerSpec] = {}
    calls: list[_Call] = []
    for at in range(num_inputs):
        layers[f"in{at}"] = _layer(f"in{at}", "InputLayer", {"batch_shape": (None, 8)}, kind="input")
        calls.append(_Call(f"in{at}", (), {}))
    for at in range(size):
        tensors = [ValueRef(str(call), index) for call, each in enumerate(calls) for index in range(each.num_outputs)]
        calls.append(_random_call(chance, f"l{at}", layers, calls, tensors, depth))
    starts, last = _tensors(range(num_inputs)), _tensors(range(num_inputs, len(calls)))
    ends = chance.sample(last, min(len(last), chance.choice((1, 1, 2))))
    return _graph(layers, calls, _structure(chance, starts, ("in0", "in1")), _structure(chance, ends, ("b", "a")))


def _tensors(calls: Sequence[int]) -> list[ValueRef]:
    return [ValueRef(str(at)) for at in calls]


def _structure(chance: Random, refs: list[ValueRef], keys: Sequence[str]) -> Any:
    """The tensors as a model has its ends: one by itself, a list, or a mapping."""
    forms: list[Any] = [refs, dict(zip(keys, refs, strict=False))]
    return chance.choice([refs[0], *forms] if len(refs) == 1 else forms)


def _random_call(
    chance: Random, name: str, layers: dict[str, LayerSpec], calls: list[_Call], tensors: list[ValueRef], depth: int
) -> _Call:
    """A call of a new layer, which is put among the layers, or of one that is there."""

    def one() -> ValueRef:
        return chance.choice(tensors)

    kind = chance.choice(KINDS)
    shared = [each for each in calls if layers[each.layer].kind in ("layer", "model") and len(each.args) == 1]
    if kind == "again" and shared:
        before = chance.choice(shared)
        return before._replace(args=(map_references(before.args[0], lambda _: one()),))
    if kind == "nested" and depth:
        inner = _random_graph(chance, chance.randint(1, 4), num_inputs=1, depth=0)
        of = [(layer.name, each) for layer in inner.layers.values() for each in layer.variables or ()]
        layers[name] = _layer(name, "Functional", {}, *(_renamed(*each) for each in of), kind="model", inner=inner)
        return _Call(name, (one(),), {"training": chance.choice((None, False))}, len(inner.output_refs))
    if kind == "merge":
        layers[name] = _layer(name, "Add", {})
        return _Call(name, ([one() for _ in range(chance.choice((2, 2, 3)))],), {})
    if kind == "attend":
        layers[name] = _layer(name, "Attention", {"use_scale": True}, ("scale", (), True))
        return _Call(name, ((one(), one()),), {"mask": {"query": one()}, "use_causal_mask": True})
    if kind == "operation":
        layers[name] = _layer(name, "Multiply", {}, kind="operation")
        return _Call(name, (one(), chance.choice((2.0, -1, "x", [None, True]))), {})
    if kind == "split":
        layers[name] = _layer(name, "Split", {"indices_or_sections": 2, "axis": -1}, kind="operation")
        return _Call(name, (one(),), {}, 2)
    variables: tuple[tuple[str, tuple[int, ...], bool], ...]
    if kind == "norm":
        variables = (("gamma", (8,), True), ("moving_mean", (8,), False))
        layers[name] = _layer(name, "BatchNormalization", {"epsilon": 1e-3}, *variables, takes_training=True)
    elif kind == "drop":
        layers[name] = _layer(name, "Dropout", {"rate": 0.5}, takes_training=True)
    elif kind == "relu":
        layers[name] = _layer(name, "Activation", {"activation": "relu"})
    else:
        variables = (("kernel", (8, 8), True), ("bias", (8,), True))
        arguments = {"units": 8, "activation": chance.choice(("relu", None))}
        layers[name] = _layer(name, "Dense", arguments, *variables, trainable=chance.random() < 0.7)
    return _Call(name, (one(),), {})


def _layer(name: str, cls: str, arguments: Any, *variables: Any, kind: Kind = "layer", **more: Any) -> LayerSpec:
    made = tuple(
        VariableSpec(path, shape, "float32", trains, f"vars/{at}", at)
        for at, (path, shape, trains) in enumerate(variables)
    )
    config = {"class_name": cls, "config": {"name": name, **arguments}}
    return LayerSpec(name, cls, config, kind, variables=made, stored=Stored(f"layers/{name}"), **more)


def _renamed(layer: str, variable: VariableSpec) -> tuple[str, tuple[int, ...], bool]:
    return f"{layer}/{variable.path}", variable.shape, variable.trainable


def _graph(layers: dict[str, LayerSpec], calls: list[_Call], inputs: Any, outputs: Any) -> Graph:
    """The graph of what serves the outputs, and of all inputs; the calls of a shared layer numbered."""
    used, todo = set(), [int(ref.node) for ref in references((inputs, outputs))]
    while todo:
        at = todo.pop()
        used.add(at)
        todo += [int(ref.node) for ref in references((calls[at].args, calls[at].kwargs)) if int(ref.node) not in used]
    counts = Counter(calls[at].layer for at in used)
    numbers = {layer: count() for layer in counts}
    names = {
        str(at): calls[at].layer + (f"@{next(numbers[calls[at].layer])}" if counts[calls[at].layer] > 1 else "")
        for at in sorted(used)
    }

    def follow(ref: ValueRef) -> ValueRef:
        return ValueRef(names[ref.node], ref.index)

    nodes = {
        name: Node(name, call.layer, call.args, call.kwargs, (TensorSpec((None, 8)),) * call.num_outputs).with_inputs(
            follow
        )
        for at, name in names.items()
        for call in (calls[int(at)],)
    }
    called = dict.fromkeys(each.layer for each in nodes.values())
    positions = [name for name in called if layers[name].kind != "operation"]
    placed = {
        name: replace(layers[name], position=positions.index(name) if name in positions else None) for name in called
    }
    inputs, outputs = map_references(inputs, follow), map_references(outputs, follow)
    return Graph("drawn", placed, nodes, inputs, outputs, positions=tuple(positions))


def selector(chance: Random, names: Sequence[str]) -> Any:
    """A selector that mostly hits."""
    one, other = chance.choice(names), chance.choice(names)
    forms = (one, one, [one, other], f"{one}..{other}", f"..{one}", f"{one}..", "l*", "type:Dense", "[1:3]")
    return chance.choice(forms)


def chain_of(chance: Random) -> list[Any]:
    """New layers, each with a name of the layer that was matched."""
    firsts = (("Dropout", "rate", 0.1), ("Activation", "activation", "relu"), ("Dense", "units", 8))
    chosen = chance.choices(firsts, k=chance.choice((1, 1, 2)))
    return [{cls: {key: value, "name": f"{{name}}_new{at}"}} for at, (cls, key, value) in enumerate(chosen)]


def random_spec(chance: Random, graph: Graph) -> dict[str, Any]:
    """One to three sections, each of which would mostly fit the graph by itself."""
    nodes = [name for name, node in graph.nodes.items() if len(node.outputs) == 1]
    inner = [
        f"{name}/{below}"
        for name, layer in graph.layers.items()
        for below, each in (layer.inner.layers if layer.inner else {}).items()
        if each.kind != "input"
    ]

    def one() -> str:
        return chance.choice(nodes + inner)

    def some() -> Any:
        return chance.choice((selector(chance, [*graph.nodes, *inner]), one()))

    place = chance.choice(("after", "before"))
    on_edges = {"between": {"each": chance.choice((["all", some()], [some(), "all"]))}}
    sections: dict[str, Any] = {
        "input": {"layer": "in0", "name": "other"},
        "start_at": one(),
        "cut_at": one(),
        "remove": [some() for _ in range(chance.choice((1, 2)))],
        "replace": [{chance.choice(("each", "layers")): some(), "with": chain_of(chance)}],
        "insert": [{**chance.choice(({place: {"each": some()}}, on_edges)), "layers": chain_of(chance)}],
        "set": [{"layers": {"layers": some(), "except": "in*"}, "to": {"dtype": "float16"}}],
        "head": ["Flatten", {"Dense": 3}],
        "rename": {one(): "renamed", one(): chance.choice(("other", one()))},
        "outputs": chance.choice((one(), [one(), one()], {"x": one(), "y": one()})),
        "dtype": "mixed_float16",
        "freeze": some(),
    }
    return {key: sections[key] for key in chance.sample(sorted(sections), chance.choice((1, 1, 2, 3)))}
