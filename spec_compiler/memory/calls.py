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

from spec_compiler.graph import Graph, Shaped
from spec_compiler.graph.adapter import does_not_fit, unfit
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
from spec_compiler.graph.sized import knows_its_call, sized
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.backends import is_installed
from spec_compiler.keras_facts.function_names import names_own
from spec_compiler.keras_facts.side_effects import CODE_LAYERS, READS
from spec_compiler.memory import cache
from spec_compiler.memory.bases import templates_key
from spec_compiler.memory.cache import Key
from spec_compiler.memory.reader_code import code_checksum
from spec_compiler.memory.shapes import worked_out

MOST_CALLS = 4_000  # a base's entry stays below some 3 MB; the oldest go first


def inferred(graph: Graph, before: Graph, base: Key, unknown: list[str] | None = None) -> Graph | None:
    """The edited graph with every shape, config and variable, as the writer gives it; None where Keras must be asked.

    `before` is the base's graph and `base` what that depends on. The layer
    whose call is not known is put to `unknown`.
    """
    calls: Mapping[str, Any] | None = None  # read only where an edit leaves a call that the base has not
    templates: Mapping[str, Any] | None = None
    unknown = [] if unknown is None else unknown
    nodes: dict[str, Node] = {}
    layers: dict[str, LayerSpec] = {}
    for name, node in graph.nodes.items():
        spec = graph.layers[node.layer]
        if any(ref.index >= len(nodes[ref.node].outputs) for ref in node.inputs):
            return None  # what was kept of a call puts out less than is taken
        if is_as_before(node, spec, nodes, before):
            outputs, shaped = before.nodes[name].outputs, spec
        elif (known := _worked_out(node, spec, nodes, graph.shaped)) is not None:
            outputs, shaped = known
        else:
            calls = _kept_calls(base) if calls is None else calls
            if node.layer not in layers and not knows_its_call(spec, node):
                spec = sized(spec, node, replace(graph, nodes={**graph.nodes, **nodes}))
            outcome = calls.get(key) if (key := call_key(node, spec, nodes)) is not None else None
            try:
                if outcome is not None:
                    outputs, layer = specs_from_plain(outcome["outputs"]), layer_from_plain(outcome["layer"])
                    is_same_class = (layer.kind, layer.class_name) == (spec.kind, spec.class_name)
                    if outcome.keys() != {"outputs", "layer"} or not is_same_class:
                        return None
                else:
                    templates = _templates() if templates is None else templates
                    found = worked_out(node, spec, nodes, templates) if key is not None and templates else None
                    if found is None:
                        unknown.append(node.layer)
                        return None
                    outputs, layer = found
                shaped = _shaped(spec, layer)
            # the entry is a file that anybody may have written: whatever is wrong with it, Keras is asked
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                return None
            # whether weights fit is no matter of a call: the error is Keras's to place
            if (spec.kind == "layer" and does_not_fit(spec, layer.variables or ())) or unfit(shaped) is not None:
                unknown.append(node.layer)
                return None
        nodes[name] = replace(node, outputs=outputs)
        layers.setdefault(node.layer, shaped)  # the first call builds a shared layer, as in Keras
    if any(ref.index >= len(nodes[ref.node].outputs) for ref in graph.output_refs):
        return None
    return replace(graph, nodes=nodes, layers=layers)


def _worked_out(
    node: Node, spec: LayerSpec, nodes: Mapping[str, Node], shaped: Shaped | None
) -> tuple[tuple[TensorSpec, ...], LayerSpec] | None:
    """What a call puts out and its layer, where an edit has worked that out and none has changed it since."""
    was = shaped.graph.nodes.get(node.name) if shaped is not None else None
    if shaped is None or was is None or was.layer != node.layer or not was.outputs:
        return None
    if replace(shaped.layers[node.layer], trainable=spec.trainable) != spec:
        return None
    if _described(node, nodes) != _described(was, shaped.graph.nodes):
        return None
    return was.outputs, replace(shaped.graph.layers[node.layer], trainable=spec.trainable)


def learn(graph: Graph, before: Graph, built: Graph, base: Key) -> None:
    """Keeps what Keras said of the calls in an edited graph; `built` is the graph that the writer made of it."""
    fresh: dict[str, Any] = {}
    for name, node in graph.nodes.items():
        spec = graph.layers[node.layer]
        if is_as_before(node, spec, built.nodes, before):
            continue
        if graph.calls[node.layer][0] == name:
            spec = sized(spec, node, built)
        key = call_key(node, spec, built.nodes)
        if key is not None:
            try:
                layer = layer_to_plain(built.layers[node.layer])
            except NotPlain:
                continue
            fresh[key] = {"outputs": specs_to_plain(built.nodes[name].outputs), "layer": layer}
    if not fresh:
        return
    calls = _kept_calls(base)
    if any(calls.get(key) != outcome for key, outcome in fresh.items()):
        # what was just used moves to the end, as the entry is cut off at its beginning
        calls = {key: outcome for key, outcome in calls.items() if key not in fresh} | fresh
        cache.keep(_entry(base), dict(list(calls.items())[-MOST_CALLS:]))


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
    written = (config, layer.changed) if layer.is_new else layer.changed
    is_known = layer.wrapped is None and _is_of_keras(layer, config) and not names_own(written)
    if not is_known or _names_files(config) or _names_files(layer.changed):
        return None
    try:
        question = [
            layer.class_name,
            layer.kind,
            layer.is_new,
            encoded(config),
            encoded(layer.changed),
            # kept layers of one config may have been built on different inputs, and stay as they were built
            [each.shape for each in layer.variables or ()] if not layer.is_new else None,
            encoded(_described(node, nodes)),
            [each.rank, each.alpha, each.parts, each.trains_bias] if (each := layer.lora) is not None else None,
        ]
    except NotPlain:
        return None
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:32]


def _entry(base: Key) -> Key:
    return {"calls": code_checksum(), "base": base}


def _kept_calls(base: Key) -> dict[str, Any]:
    calls = cache.recall(_entry(base))
    return calls if isinstance(calls, dict) else {}


def _templates() -> Mapping[str, Any]:
    """What calls are worked out from that Keras was never asked for; empty where nobody has kept it."""
    key = None if is_installed("keras") else templates_key()
    templates = cache.recall(key) if key is not None else None
    return templates if isinstance(templates, dict) else {}


def _shaped(spec: LayerSpec, remembered: LayerSpec) -> LayerSpec:
    """A layer as the writer gives it, after what is known of one with the same arguments."""
    if spec.kind == "operation":
        return spec
    named = remembered.with_arguments({**remembered.arguments, "name": spec.name_in_keras})
    if spec.is_new:
        return replace(
            named,
            name=spec.name,
            keras_name=spec.keras_name,
            origin=spec.origin,
            trainable=spec.trainable,
            class_name=spec.class_name,
            adapter=spec.adapter,
        )
    rebuilt = spec.rebuilt(remembered.variables or ())
    return replace(rebuilt, config=named.config) if spec.cause is not None else rebuilt


def _described(node: Node, nodes: Mapping[str, Node]) -> Structure:
    """A call with the shapes and dtypes of its tensors in place of their names."""

    def described(ref: ValueRef) -> Structure:
        spec: TensorSpec = nodes[ref.node].outputs[ref.index]
        return ("tensor", spec.shape, spec.dtype)

    outputs = node.outputs if not node.args and not node.kwargs else ()  # an input is what it puts out
    return map_references((node.args, dict(node.kwargs)), described), [(each.shape, each.dtype) for each in outputs]


def _is_of_keras(layer: LayerSpec, config: Mapping[str, Any]) -> bool:
    if layer.class_name in CODE_LAYERS or _names_code(config):
        return False
    if layer.is_new and layer.kind == "layer":  # written in the spec
        return catalogue.class_record(layer.class_name, "layer") is not None
    # Keras serialises an object with the module of its class (keras/src/saving/serialization_lib.py). Tensors between
    # the layers of a nested model have none and are data (`serialize_node` in keras/src/models/functional.py).
    objects = (each for each in _mappings(config) if "class_name" in each and "config" in each)
    modules = [each.get("module") for each in objects if each["class_name"] != "__keras_tensor__"]
    return all(module is not None and module.split(".")[0] == "keras" for module in modules)


def _names_code(config: Any) -> bool:
    """Whether a layer inside of the config runs code."""
    return any(part.get("class_name") in CODE_LAYERS or part.keys() & CODE_LAYERS for part in _mappings(config))


def _names_files(config: Any) -> bool:
    """Whether what a call gives depends on a file, which may change without a sign."""
    return any(isinstance(part.get(key), str) for part in _mappings(config) for key in READS)


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every mapping in plain data, however deep."""
    if isinstance(value, Mapping):
        yield value
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from _mappings(part)
