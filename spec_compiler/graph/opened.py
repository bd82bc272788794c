"""Nested models opened in place: their layers become layers of the outer model, named `outer/inner`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import accumulate, chain

from spec_compiler.graph import Graph
from spec_compiler.graph.keras_names import flat, with_keras_names
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import Node, ValueRef, map_references, references


def opened(graph: Graph, reached: Iterable[str]) -> Graph:
    """The graph with every nested model opened that a text such as `outer/inner` reaches into, however deep."""
    texts = [text for text in reached if "/" in text or "[" in text]

    def is_reached(layer: LayerSpec) -> bool:
        return layer.inner is not None and any(_reaches(text, layer.name) for text in texts if text not in graph.layers)

    # An opened model may hold others, whose names begin with its own, so that a text can reach them only now.
    while names := [name for name, layer in graph.layers.items() if is_reached(layer)]:
        for name in names:
            graph = open_model(graph, name)
    return graph


def _reaches(text: str, name: str) -> bool:
    """Whether a selector's text has the model's name, followed by a slash, at a place where a name may begin.

    The text is searched, not parsed: too much opened only shows more layers, too little would leave a name unknown.
    """
    # behind the dots of a range, in a list, in a regular expression, after `type:`; or with positions, `outer[0:7]`
    escaped = re.escape(name)
    return re.search(rf"(^|[. ,/:^<]){escaped}/|^\s*{escaped}\s*\[[-\d\s]*:[-\d\s]*\]\s*$", text) is not None


def open_model(graph: Graph, name: str) -> Graph:
    """The graph with one nested model opened, each of its calls by itself; its layers stay shared between them."""
    outer = graph.layers[name]
    assert outer.inner is not None
    inner = outer.inner.relabelled({key: f"{name}/{key}" for key in outer.inner.layers})
    taken = {layer.name_in_keras for key, layer in graph.layers.items() if key != name}
    opened_layers = _inner_layers(outer, inner, taken)
    layers: dict[str, LayerSpec] = {}
    for key, layer in graph.layers.items():  # in the model's place, as the order of layers is that of a plan's lines
        layers |= opened_layers if key == name else {key: layer}
    calls = graph.calls[name]
    outputs: dict[ValueRef, ValueRef] = {}

    def follow(ref: ValueRef) -> ValueRef:
        return outputs.get(ref, ref)

    nodes: dict[str, Node] = {}
    for key, node in graph.nodes.items():
        moved = node.with_inputs(follow) if any(ref in outputs for ref in node.inputs) else node
        if key not in calls:
            nodes[key] = moved
            continue
        inner_nodes, ends = _inner_nodes(inner, moved, calls.index(key) if len(calls) > 1 else None)
        nodes |= {each.name: each for each in inner_nodes}
        outputs |= {ValueRef(key, index): end for index, end in enumerate(ends)}
    inner_positions = [position for position in inner.positions if position in layers]
    positions = [inner_positions if position == name else [position] for position in graph.positions]
    edited = replace(
        graph,
        layers=layers,
        nodes=nodes,
        inputs=map_references(graph.inputs, follow),
        outputs=map_references(graph.outputs, follow),
        positions=tuple(chain.from_iterable(positions)),
    )
    return with_keras_names(edited)


def _inner_layers(outer: LayerSpec, inner: Graph, taken: set[str]) -> dict[str, LayerSpec]:
    """The layers of the opened model by their names; `taken` are the names in Keras that others have."""
    group = outer.stored.group
    shared = dict(enumerate(each.shared_path for each in outer.variables or ()))
    indices = inner_indices(outer, inner)
    layers: dict[str, LayerSpec] = {}
    for name, layer in inner.layers.items():
        if layer.kind == "input":  # the tensors that the model is called on take its place
            continue
        plain = layer.keras_name or name.removeprefix(f"{outer.name}/")
        keras_name = plain if plain not in taken else flat(f"{outer.name_in_keras}_{plain}")
        taken.add(keras_name)
        own = indices.get(name, range(0))
        stored = replace(layer.stored.below(group), places=tuple(outer.place(index) for index in own) or None)
        variables = layer.variables and tuple(
            # what the whole model shares with a layer outside is known by the place that it has there
            replace(each, shared_path=shared[index]) if shared.get(index) else each.below(group)
            for index, each in zip(own, layer.variables, strict=True)
        )
        layers[name] = replace(
            layer,
            keras_name=keras_name,
            trainable=layer.trainable and outer.trainable,  # Keras's `trainable` of a model reaches all inside of it
            position=outer.position,
            stored=stored,
            variables=variables,
        )
    return layers


def inner_indices(outer: LayerSpec, inner: Graph) -> dict[str, range]:
    """Which of a nested model's variables are those of each of its layers.

    Keras lists a model's variables layer by layer, in the order of `model.layers`, those of the model itself first.
    """
    order = sorted(
        (layer for layer in inner.layers.values() if layer.variables),
        key=lambda layer: (layer.position is None, layer.position or 0),
    )
    ends = list(accumulate((len(layer.variables or ()) for layer in order), initial=0))
    first = len(outer.variables or ()) - ends[-1]
    starts = zip(order, ends, ends[1:], strict=False)
    return {layer.name: range(first + start, first + end) for layer, start, end in starts}


def _inner_nodes(inner: Graph, node: Node, call: int | None) -> tuple[list[Node], list[ValueRef]]:
    """The inner calls that one call of the model stands for, and the tensors that it puts out."""
    tensors = list(references(node.args)) or list(references(dict(node.kwargs)))
    training = node.kwargs.get("training")

    moved = inner
    if call is not None:  # each call of the model calls every layer anew, so that its calls are counted through
        numbers = {name: call * len(names) + at for names in inner.calls.values() for at, name in enumerate(names)}
        calls = {name: f"{each.layer}@{numbers[name]}" for name, each in inner.nodes.items()}
        moved = inner.relabelled({}, calls)
    feeds = dict(zip(moved.input_refs, tensors, strict=False))

    def follow(ref: ValueRef) -> ValueRef:
        return feeds.get(ref, ref)

    nodes: list[Node] = []
    for inside in moved.nodes.values():
        layer = moved.layers[inside.layer]
        if layer.kind == "input":
            continue
        fed = inside.with_inputs(follow)
        if training is not None and layer.takes_training and fed.kwargs.get("training") is None:
            # As `operation_fn` of `keras/src/models/functional.py` hands it down to every layer that takes it.
            fed = replace(fed, kwargs={**fed.kwargs, "training": training})
        nodes.append(fed)
    return nodes, [follow(ref) for ref in moved.output_refs]
