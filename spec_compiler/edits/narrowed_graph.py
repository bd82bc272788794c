"""A graph with other numbers of channels: arguments, variables and shapes, in nested models as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from spec_compiler.adapters.narrowed import Narrowed
from spec_compiler.adapters.which import variable_key
from spec_compiler.channels.atoms import LayerPath
from spec_compiler.channels.groups import Channels, Counts
from spec_compiler.graph import Graph, Shaped
from spec_compiler.graph.layer_spec import LayerSpec, Origin, VariableSpec
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.graph.unbuilt import unbuilt
from spec_compiler.language.flow import uses_flow


def narrowed(
    graph: Graph, channels: Channels, counts: Counts, origin: Origin, adapter: Callable[[LayerSpec, bool], Narrowed]
) -> Graph:
    """The graph in which channels are there as often as `counts` says, with its shapes, worked out without Keras.

    `adapter` gives a layer, as it was, what fills it with slices of what it had; it is told whether other channels come
    out of it.
    """
    assert graph.shaped is not None
    known = graph.shaped.graph
    layers: dict[str, LayerSpec] = {}
    shaped_layers: dict[str, LayerSpec] = {}
    for name, layer in graph.layers.items():
        was = known.layers[name]
        layer = _sized(layer, was)
        now = _layer(was, (name,), channels, counts, origin)
        if now is was:
            layers[name], shaped_layers[name] = layer, was
            continue
        if was.keeps_weights or was.adapter is not None:  # else it begins anew, at its new size
            now = replace(now, adapter=adapter(was, _puts_out_others(name, known, channels, counts)))
        shaped_layers[name] = now
        layers[name] = _draft(layer, was, now)
    nodes = _nodes(known, channels, counts, ())
    return replace(
        graph,
        layers=layers,
        nodes={name: replace(node, outputs=nodes[name].outputs) for name, node in graph.nodes.items()},
        shaped=Shaped(replace(known, layers=shaped_layers, nodes=nodes), layers),
    )


def _puts_out_others(layer: str, graph: Graph, channels: Channels, counts: Counts) -> bool:
    """Whether channels of what a layer puts out leave or are copied."""
    refs = (ValueRef(call, index) for call in graph.calls[layer] for index in range(len(graph.nodes[call].outputs)))
    lines = (line for ref in refs for line in channels.found.lines((), ref) if line is not None)
    return any((counts[channels.root[line]] != 1).any() for line in lines)


def _sized(layer: LayerSpec, was: LayerSpec) -> LayerSpec:
    """A new layer with the numbers that its `${in.channels}` came to: later they would be those of fewer channels."""
    if not layer.is_new or not uses_flow(layer.arguments):
        return layer
    numbers = {key: was.arguments[key] for key, value in layer.arguments.items() if uses_flow(value)}
    return layer.with_arguments({**layer.arguments, **numbers})


def _draft(layer: LayerSpec, was: LayerSpec, now: LayerSpec) -> LayerSpec:
    """A layer as the edits have it, changed as its shaped one: what Keras filled in of a new one is left to it."""
    if not layer.is_new:
        overruled = {key: now.arguments[key] for key in layer.changed if key in now.arguments}
        return replace(now, changed={**layer.changed, **overruled})
    changed = {key: value for key, value in now.arguments.items() if value != was.arguments.get(key)}
    return replace(layer.with_arguments({**layer.arguments, **changed}), adapter=now.adapter)


def _layer(layer: LayerSpec, path: LayerPath, channels: Channels, counts: Counts, origin: Origin) -> LayerSpec:
    """A layer with its new arguments and the new shapes of its variables; itself where it stays as it is."""
    variables = tuple(
        _variable(each, layer, path, index, channels, counts) for index, each in enumerate(layer.variables or ())
    )
    inner = layer.inner and _inner(layer.inner, path, channels, counts, origin)
    arguments = channels.arguments(path, counts)
    if variables == (layer.variables or ()) and inner is layer.inner and not arguments:
        return layer
    config = _config(layer.config, path, channels, counts, inner is not None)
    is_changed = config != layer.config
    return replace(
        layer,
        config=config,
        variables=variables,
        inner=inner,
        changed_by=origin if is_changed and not layer.is_new else layer.changed_by,
    )


def _variable(
    variable: VariableSpec, layer: LayerSpec, path: LayerPath, index: int, channels: Channels, counts: Counts
) -> VariableSpec:
    below, inside = variable_key(layer, index)
    shape = list(variable.shape)
    for use in channels.uses_of(((*path[:-1], *below), inside)):
        shape[use.axis] = channels.number(use.line, counts)
    return variable if tuple(shape) == variable.shape else replace(variable, shape=tuple(shape))


def _inner(graph: Graph, path: LayerPath, channels: Channels, counts: Counts, origin: Origin) -> Graph:
    """The graph of a nested model."""
    layers = {name: _layer(layer, (*path, name), channels, counts, origin) for name, layer in graph.layers.items()}
    nodes = _nodes(graph, channels, counts, path)
    if all(layers[name] is layer for name, layer in graph.layers.items()) and nodes == graph.nodes:
        return graph
    return replace(graph, layers=layers, nodes=nodes)


def _nodes(graph: Graph, channels: Channels, counts: Counts, path: LayerPath) -> dict[str, Node]:
    """The calls with the shapes of what they put out."""
    nodes = {}
    for name, node in graph.nodes.items():
        outputs = tuple(
            replace(spec, shape=channels.shape(spec.shape, ValueRef(name, index), counts, path))
            for index, spec in enumerate(node.outputs)
        )
        nodes[name] = node if outputs == node.outputs else replace(node, outputs=outputs)
    return nodes


def _config(
    config: Mapping[str, Any], path: LayerPath, channels: Channels, counts: Counts, is_model: bool
) -> Mapping[str, Any]:
    """A layer's config with its new arguments, and of a nested model those of its layers."""
    told = {**config.get("config", {}), **channels.arguments(path, counts)}
    arguments = told if is_model else {key: unbuilt(value) for key, value in told.items()}
    if is_model and "layers" in arguments:
        arguments["layers"] = [_entry(each, path, channels, counts) for each in arguments["layers"]]
        arguments.pop("build_input_shape", None)
    return {**{key: value for key, value in config.items() if key != "build_config"}, "config": arguments}


def _entry(entry: Mapping[str, Any], path: LayerPath, channels: Channels, counts: Counts) -> Mapping[str, Any]:
    name = entry.get("name") or entry["config"].get("name")
    return _config(entry, (*path, str(name)), channels, counts, "layers" in entry["config"])
