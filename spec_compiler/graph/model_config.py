"""A graph as the config from which Keras makes a Functional model, without Keras.

The order of a model's operations, and with it that of its layers and of their groups in a file, follows
`keras/src/ops/function.py` (`map_graph`), the form of a tensor `keras/src/ops/node.py` and
`keras/src/saving/serialization_lib.py`. `tests/backend/test_streamed.py` compares all of it with what Keras writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import ValueRef, map_references
from spec_compiler.keras_facts.saving import CLASS_NAMES
from spec_compiler.language.layer_names import numbered, snake_case


def model_config(graph: Graph) -> dict[str, Any]:
    """The config of the model that a built graph is: `keras.saving.deserialize_keras_object` makes it."""
    numbers = {node: number for nodes in graph.calls.values() for number, node in enumerate(nodes)}

    def history(ref: ValueRef) -> list[Any]:
        return [graph.layer_of(ref.node).name_in_keras, numbers[ref.node], ref.index]

    def tensor(ref: ValueRef) -> dict[str, Any]:
        spec = graph.nodes[ref.node].outputs[ref.index]
        config = {"shape": list(spec.shape), "dtype": spec.dtype, "keras_history": history(ref)}
        return {"class_name": "__keras_tensor__", "config": config}

    def end(ref: ValueRef) -> list[Any]:
        name, number, index = history(ref)
        layer = graph.layer_of(ref.node)
        # a nested Functional begins with a call of its own, which Keras counts at the ends of a model alone
        shift = layer.kind == "model" and layer.config.get("class_name") == "Functional"
        return [name, number + shift, index]

    layers = []
    for name in operations(graph):
        layer = graph.layers[name]
        calls = () if layer.kind == "input" else graph.calls[name]
        nodes = [graph.nodes[each] for each in calls]
        inbound = [
            {"args": map_references(list(node.args), tensor), "kwargs": map_references(dict(node.kwargs), tensor)}
            for node in nodes
        ]
        config = layer_config(layer, inference=graph.inference)
        layers.append({**config, "name": layer.name_in_keras, "inbound_nodes": inbound})
    config = {
        "name": graph.name,
        "trainable": True,
        "layers": layers,
        "input_layers": map_references(graph.inputs, end),
        "output_layers": map_references(graph.outputs, end),
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": config,
        "registered_name": "Functional",
    }


def layer_config(layer: LayerSpec, *, inference: bool = False) -> dict[str, Any]:
    """A layer's config, with its name and with what is frozen in it; `inference` freezes its BatchNormalizations."""
    config = dict(layer.config)
    if isinstance(config.get("config"), Mapping) and "name" in config["config"]:
        config["config"] = {**config["config"], "name": layer.name_in_keras}
    if not layer.can_train:
        return config
    config = _with_flags(config, layer)
    return _normalizations_frozen(config) if inference else config


def _with_flags(config: Mapping[str, Any], layer: LayerSpec) -> dict[str, Any]:
    """A layer's config with what is frozen in it: all where it is, else as the graph inside of it says."""
    inner = config.get("config")
    if not isinstance(inner, Mapping):
        return dict(config)
    if layer.inner is None or not layer.trainable:
        if bool(inner.get("trainable", True)) == layer.trainable and layer.trainable:
            return dict(config)
        return dict(_all_trainable(config, layer.trainable))
    if "layers" not in inner:
        return dict(config)
    by_name = {each.name_in_keras: each for each in layer.inner.layers.values()}
    layers = [
        _with_flags(each, by_name[name]) if (name := _name_of(each)) in by_name and by_name[name].can_train else each
        for each in inner["layers"]
    ]
    return {**config, "config": {**inner, "trainable": True, "layers": layers}}


def _name_of(config: Mapping[str, Any]) -> str:
    """The name of a layer in the config of the model that it is in; a Sequential's have it only in their own."""
    inner = config.get("config")
    return str(config.get("name") or (inner.get("name") if isinstance(inner, Mapping) else ""))


def _all_trainable(value: Any, flag: bool) -> Any:
    """A config in which every layer that says whether it trains says this."""
    if isinstance(value, Mapping):
        changed = {key: _all_trainable(each, flag) for key, each in value.items()}
        own = changed.get("config")
        if "class_name" in changed and isinstance(own, dict) and "trainable" in own:
            changed["config"] = {**own, "trainable": flag}
        return changed
    if isinstance(value, list | tuple):
        return [_all_trainable(each, flag) for each in value]
    return value


def _normalizations_frozen(value: Any) -> Any:
    """A config in which every BatchNormalization is frozen, which keeps it in inference mode."""
    if isinstance(value, Mapping):
        changed = {key: _normalizations_frozen(each) for key, each in value.items()}
        if changed.get("class_name") == "BatchNormalization" and isinstance(changed.get("config"), dict):
            changed["config"] = {**changed["config"], "trainable": False}
        return changed
    if isinstance(value, list | tuple):
        return [_normalizations_frozen(each) for each in value]
    return value


def store_groups(graph: Graph) -> Iterator[tuple[LayerSpec, str]]:
    """Each layer of a model with its group in a Keras 3 weights file: `layers/conv2d_3`."""
    used: dict[str, int] = {}
    for name in operations(graph):
        layer = graph.layers[name]
        if layer.kind != "operation":
            name = str(layer.config["class_name"]).rpartition(">")[2]
            kind = snake_case(CLASS_NAMES.get(name, name))
            used[kind] = used.get(kind, -1) + 1
            yield layer, f"layers/{numbered(kind, used[kind])}"


def operations(graph: Graph) -> list[str]:
    """The layers and operations of a graph, by name, in Keras's order of a model's operations.

    First those that are farthest from an output, and among equals those that a walk from the outputs comes to first.
    """
    order = _from_the_outputs(graph)
    first = {name: index for index, name in enumerate(dict.fromkeys(graph.nodes[each].layer for each in order.begun))}
    of_node: dict[str, int] = {}
    of_layer: dict[str, int] = {}
    for node in reversed(order.done):
        call = graph.nodes[node]
        depth = max(of_node.get(node, 0), of_layer.get(call.layer, 0))
        of_layer[call.layer] = of_node[node] = depth
        for ref in call.inputs:
            of_node[ref.node] = max(depth + 1, of_node.get(ref.node, 0))
    for ref in graph.input_refs:  # an input that no output depends on
        name = graph.nodes[ref.node].layer
        if name not in of_layer:
            of_layer[name], first[name] = 0, -1
    return sorted(of_layer, key=lambda name: (-of_layer[name], first[name]))


class _Order:
    """The nodes of a walk from a model's outputs to its inputs, as they were begun and as they were done."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.done: list[str] = []


def _from_the_outputs(graph: Graph) -> _Order:
    order, seen = _Order(), set[str]()
    for end in graph.output_refs:
        stack: list[tuple[str, Iterator[str]]] = []

        def begin(node: str, stack: list[tuple[str, Iterator[str]]] = stack) -> None:
            if node not in seen:
                seen.add(node)
                order.begun.append(node)
                stack.append((node, iter([ref.node for ref in graph.nodes[node].inputs])))

        begin(end.node)
        while stack:
            node, inputs = stack[-1]
            child = next(inputs, None)
            if child is None:
                stack.pop()
                order.done.append(node)
            else:
                begin(child)
    return order
