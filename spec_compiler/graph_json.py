"""`Graph` as plain data and back: what the cache keeps. Nothing is lost, tuples stay tuples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spec_compiler.graph import Graph, LayerSpec, Node, TensorSpec, ValueRef, VariableSpec

_PLAIN = (str, int, float, bool, type(None))


class NotPlain(Exception):
    """A graph that holds something JSON has no word for, such as an array among a call's arguments."""


def to_plain(graph: Graph) -> dict[str, Any]:
    """The graph of a base as JSON data.

    Raises:
        NotPlain: it holds a value that is neither a number, a text, a list, a mapping nor a tensor's name.
    """
    return {
        "name": graph.name,
        "layers": [_layer(layer) for layer in graph.layers.values()],
        "nodes": [
            [
                node.name,
                node.layer,
                _encoded(node.args),
                _encoded(node.kwargs),
                [[spec.shape, spec.dtype] for spec in node.outputs],
            ]
            for node in graph.nodes.values()
        ],
        "inputs": _encoded(graph.inputs),
        "outputs": _encoded(graph.outputs),
        "positions": graph.positions,
    }


def from_plain(data: Mapping[str, Any]) -> Graph:
    """The graph that `to_plain` was given."""
    layers = [_layer_from(each) for each in data["layers"]]
    nodes = [
        Node(
            name,
            layer,
            _decoded(args),
            _decoded(kwargs),
            tuple(TensorSpec(tuple(shape), dtype) for shape, dtype in outputs),
        )
        for name, layer, args, kwargs, outputs in data["nodes"]
    ]
    return Graph(
        data["name"],
        {layer.name: layer for layer in layers},
        {node.name: node for node in nodes},
        _decoded(data["inputs"]),
        _decoded(data["outputs"]),
        positions=tuple(data["positions"]),
    )


def _layer(layer: LayerSpec) -> dict[str, Any]:
    return {
        "name": layer.name,
        "class_name": layer.class_name,
        "config": _encoded(layer.config),
        "kind": layer.kind,
        "trainable": layer.trainable,
        "variables": [
            [each.path, each.shape, each.dtype, each.trainable, each.store_path, each.legacy_index]
            for each in layer.variables or ()
        ],
        "position": layer.position,
        "inner": to_plain(layer.inner) if layer.inner is not None else None,
        "store_group": layer.store_group,
        "takes_training": layer.takes_training,
    }


def _layer_from(data: Mapping[str, Any]) -> LayerSpec:
    return LayerSpec(
        name=data["name"],
        class_name=data["class_name"],
        config=_decoded(data["config"]),
        kind=data["kind"],
        trainable=data["trainable"],
        variables=tuple(
            VariableSpec(path, tuple(shape), dtype, trainable, store_path, legacy_index)
            for path, shape, dtype, trainable, store_path, legacy_index in data["variables"]
        ),
        position=data["position"],
        inner=from_plain(data["inner"]) if data["inner"] is not None else None,
        store_group=data["store_group"],
        takes_training=data["takes_training"],
    )


def _encoded(value: Any) -> Any:
    """JSON for a nest of plain values and tensors: what JSON has no form for stands in a mapping with one odd key."""
    if isinstance(value, ValueRef):
        return {"$ref": [value.node, value.index]}
    if isinstance(value, tuple):
        return {"$tuple": [_encoded(each) for each in value]}
    if isinstance(value, list):
        return [_encoded(each) for each in value]
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) and not key.startswith("$") for key in value):
            raise NotPlain(f"the keys of {value}")
        return {key: _encoded(each) for key, each in value.items()}
    if type(value) not in _PLAIN:
        raise NotPlain(type(value).__name__)
    return value


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(each) for each in value]
    if isinstance(value, dict):
        if "$ref" in value:
            return ValueRef(*value["$ref"])
        if "$tuple" in value:
            return tuple(_decoded(each) for each in value["$tuple"])
        return {key: _decoded(each) for key, each in value.items()}
    return value
