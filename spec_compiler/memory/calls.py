"""Shapes without Keras: what it said of the same call before.

A call is known by its layer's class and arguments, by what it is called on, and by Keras's version and settings. Only
Keras's own layers and operations are kept: code of the user's may change without a sign.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import Node, Structure, TensorSpec, ValueRef, map_references
from spec_compiler.graph.plain import (
    NotPlain,
    encoded,
    layer_from_plain,
    layer_to_plain,
    specs_from_plain,
    specs_to_plain,
)
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.side_effects import CODE_LAYERS, READS
from spec_compiler.memory import cache
from spec_compiler.memory.cache import Key
from spec_compiler.memory.reader_code import code_checksum

MOST_CALLS = 4_000  # a base's entry stays below some 3 MB; the oldest go first


def inferred(graph: Graph, before: Graph, base: Key) -> Graph | None:
    """The edited graph with every shape, config and variable, as the writer gives it; None where Keras must be asked.

    `before` is the base's graph and `base` what that depends on.
    """
    known: Mapping[str, Any] | None = None
    nodes: dict[str, Node] = {}
    layers: dict[str, LayerSpec] = {}
    for name, node in graph.nodes.items():
        spec = graph.layers[node.layer]
        if any(ref.index >= len(nodes[ref.node].outputs) for ref in node.inputs):
            return None  # what was kept of a call puts out less than is taken
        if is_as_before(node, spec, nodes, before):
            outputs, made = before.nodes[name].outputs, spec
        else:
            if known is None:
                known = _known(base)
            found = known.get(call_key(node, spec, nodes) or "")
            if found is None:
                return None
            try:
                outputs, layer = specs_from_plain(found["outputs"]), layer_from_plain(found["layer"])
                if found.keys() != {"outputs", "layer"} or (layer.kind, layer.class_name) != (
                    spec.kind,
                    spec.class_name,
                ):
                    return None
                made = _made(spec, layer)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                return None
        nodes[name] = replace(node, outputs=outputs)
        layers.setdefault(node.layer, made)
    if any(ref.index >= len(nodes[ref.node].outputs) for ref in graph.output_refs):
        return None
    return replace(graph, nodes=nodes, layers=layers)


def learn(graph: Graph, before: Graph, built: Graph, base: Key) -> None:
    """Keeps what Keras said of the calls in an edited graph; `built` is the graph that the writer made of it."""
    fresh: dict[str, Any] = {}
    for name, node in graph.nodes.items():
        spec = graph.layers[node.layer]
        if is_as_before(node, spec, built.nodes, before):
            continue
        key = call_key(node, spec, built.nodes)
        if key is not None:
            try:
                layer = layer_to_plain(built.layers[node.layer])
            except NotPlain:
                continue
            fresh[key] = {"outputs": specs_to_plain(built.nodes[name].outputs), "layer": layer}
    if not fresh:
        return
    known = _known(base)
    if any(known.get(key) != each for key, each in fresh.items()):
        every = {**{key: value for key, value in known.items() if key not in fresh}, **fresh}
        cache.keep(_entry(base), dict(list(every.items())[-MOST_CALLS:]))


def is_as_before(node: Node, layer: LayerSpec, nodes: Mapping[str, Node], before: Graph) -> bool:
    """Whether a kept layer is called as in the base, on tensors of the same shapes; `nodes` are those before it."""
    was = before.nodes.get(node.name)
    if was is None or layer.cause is not None or was.layer != node.layer:
        return False
    return bool(_described(node, nodes) == _described(was, before.nodes))


def call_key(node: Node, layer: LayerSpec, nodes: Mapping[str, Node]) -> str | None:
    """What the outcome of a call depends on, as a short text; None for a call that is not kept.

    The layer's name is left out: ten layers with the same arguments on the same shapes are one call.
    """
    arguments = {key: value for key, value in layer.arguments.items() if key != "name"}
    config = layer.with_arguments(arguments).config
    if not _is_of_keras(layer, config) or _names_files(config) or _names_files(layer.changed):
        return None
    try:
        question = [
            layer.class_name,
            layer.kind,
            layer.is_new,
            encoded(config),
            encoded(layer.changed),
            [each.shape for each in layer.variables or ()] if not layer.is_new else None,
            encoded(_described(node, nodes)),
        ]
    except NotPlain:
        return None
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:32]


def _entry(base: Key) -> Key:
    return {"calls": code_checksum(), "base": base}


def _known(base: Key) -> Mapping[str, Any]:
    found = cache.recall(_entry(base))
    return found if isinstance(found, dict) else {}


def _made(spec: LayerSpec, known: LayerSpec) -> LayerSpec:
    """A layer as the writer gives it, after what is known of one with the same arguments."""
    if spec.kind == "operation":
        return spec
    named = known.with_arguments({**known.arguments, "name": spec.name_in_keras})
    if spec.is_new:
        return replace(
            named,
            name=spec.name,
            keras_name=spec.keras_name,
            origin=spec.origin,
            trainable=spec.trainable,
            class_name=spec.class_name,
        )
    made = spec.rebuilt(known.variables or ())
    return replace(made, config=named.config) if spec.changed_by is not None else made


def _described(node: Node, nodes: Mapping[str, Node]) -> Structure:
    """A call with the shapes and dtypes of its tensors in place of their names."""

    def described(ref: ValueRef) -> Structure:
        spec: TensorSpec = nodes[ref.node].outputs[ref.index]
        return ("tensor", spec.shape, spec.dtype)

    own = node.outputs if not node.args and not node.kwargs else ()  # an input is what it puts out
    return map_references((node.args, dict(node.kwargs)), described), [(each.shape, each.dtype) for each in own]


def _is_of_keras(layer: LayerSpec, config: Mapping[str, Any]) -> bool:
    if layer.class_name in CODE_LAYERS or _names_code(config):
        return False
    if layer.is_new and layer.kind == "layer":  # written in the spec, where `package>Name` is a class of somebody's
        written = json.dumps(config, default=str)
        return catalogue.class_record(layer.class_name, "layer") is not None and ">" not in written
    return all(module is not None and module.split(".")[0] == "keras" for module in _modules(config))


def _names_code(value: Any) -> bool:
    """Whether a layer inside of the config runs code."""
    if isinstance(value, Mapping):
        return value.get("class_name") in CODE_LAYERS or any(
            key in CODE_LAYERS or _names_code(each) for key, each in value.items()
        )
    return isinstance(value, list | tuple) and any(_names_code(each) for each in value)


def _names_files(value: Any) -> bool:
    """Whether what a call gives depends on a file, which may change without a sign."""
    if isinstance(value, Mapping):
        return any((key in READS and isinstance(each, str)) or _names_files(each) for key, each in value.items())
    return isinstance(value, list | tuple) and any(_names_files(each) for each in value)


def _modules(value: Any) -> Iterator[str | None]:
    """The modules of every serialised object inside a config."""
    if isinstance(value, Mapping):
        if "class_name" in value and "config" in value:
            yield value.get("module")
        for each in value.values():
            yield from _modules(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _modules(each)
