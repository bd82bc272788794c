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
        "layers": [layer_to_plain(layer) for layer in graph.layers.values()],
        "nodes": [
            [
                node.name,
                node.layer,
                encoded(node.args),
                encoded(node.kwargs),
                specs_to_plain(node.outputs),
            ]
            for node in graph.nodes.values()
        ],
        "inputs": encoded(graph.inputs),
        "outputs": encoded(graph.outputs),
        "positions": graph.positions,
    }


def from_plain(data: Mapping[str, Any]) -> Graph:
    """The graph that `to_plain` was given."""
    layers = [layer_from_plain(each) for each in data["layers"]]
    nodes = [
        Node(
            name,
            layer,
            decoded(args),
            decoded(kwargs),
            specs_from_plain(outputs),
        )
        for name, layer, args, kwargs, outputs in data["nodes"]
    ]
    return Graph(
        data["name"],
        {layer.name: layer for layer in layers},
        {node.name: node for node in nodes},
        decoded(data["inputs"]),
        decoded(data["outputs"]),
        positions=tuple(data["positions"]),
    )


def specs_to_plain(specs: tuple[TensorSpec, ...]) -> list[Any]:
    """Shapes and dtypes as JSON data."""
    return [[list(spec.shape), spec.dtype] for spec in specs]


def specs_from_plain(data: list[Any]) -> tuple[TensorSpec, ...]:
    """The shapes and dtypes that `specs_to_plain` was given."""
    return tuple(TensorSpec(tuple(shape), dtype) for shape, dtype in data)


def layer_to_plain(layer: LayerSpec) -> dict[str, Any]:
    """A layer as Keras has it, as JSON data; what an edit did to it is left out.

    Raises:
        NotPlain: as `to_plain`.
    """
    return {
        "name": layer.name,
        "class_name": layer.class_name,
        "config": encoded(layer.config),
        "kind": layer.kind,
        "trainable": layer.trainable,
        "variables": [
            [each.path, list(each.shape), each.dtype, each.trainable, each.store_path, each.legacy_index]
            for each in layer.variables or ()
        ],
        "position": layer.position,
        "inner": to_plain(layer.inner) if layer.inner is not None else None,
        "store_group": layer.store_group,
        "takes_training": layer.takes_training,
        "loads_itself": layer.loads_itself,
        "assets": layer.assets,
    }


def layer_from_plain(data: Mapping[str, Any]) -> LayerSpec:
    """The layer that `layer_to_plain` was given."""
    return LayerSpec(
        name=data["name"],
        class_name=data["class_name"],
        config=decoded(data["config"]),
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
        loads_itself=data["loads_itself"],
        assets=tuple(data["assets"]),
    )


def encoded(value: Any) -> Any:
    """JSON for a nest of plain values and tensors: what JSON has no form for stands in a mapping with one odd key.

    Raises:
        NotPlain: it holds something else.
    """
    if isinstance(value, ValueRef):
        return {"$ref": [value.node, value.index]}
    if isinstance(value, tuple):
        return {"$tuple": [encoded(each) for each in value]}
    if isinstance(value, list):
        return [encoded(each) for each in value]
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) and not key.startswith("$") for key in value):
            raise NotPlain(f"the keys of {value}")
        return {key: encoded(each) for key, each in value.items()}
    if type(value) not in _PLAIN:
        raise NotPlain(type(value).__name__)
    return value


def decoded(value: Any) -> Any:
    """The nest that `encoded` was given."""
    if isinstance(value, list):
        return [decoded(each) for each in value]
    if isinstance(value, dict):
        if "$ref" in value:
            return ValueRef(*value["$ref"])
        if "$tuple" in value:
            return tuple(decoded(each) for each in value["$tuple"])
        return {key: decoded(each) for key, each in value.items()}
    return value
