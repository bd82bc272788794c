"""`Graph` as plain data and back: what the cache keeps. Nothing is lost, tuples stay tuples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import BASE, Kind, LayerSpec, Stored, VariableSpec
from spec_compiler.graph.low_rank import LowRank
from spec_compiler.graph.node import Node, TensorSpec, ValueRef

_PLAIN = (str, int, float, bool, type(None))  # not their subclasses, such as NumPy's float64: JSON gives back others
_NESTS = (list, dict)  # of JSON data; what is none of them is not looked into, most of a graph being such
KINDS: tuple[Kind, ...] = get_args(Kind)
_GRAPH = frozenset(("name", "layers", "nodes", "inputs", "outputs", "positions"))
_LAYER = frozenset(
    (
        "name",
        "class_name",
        "config",
        "kind",
        "trainable",
        "variables",
        "position",
        "inner",
        "stored",
        "takes_training",
        "lora",
    )
)
_CONFIG = frozenset(  # of a serialised object, as Keras writes it
    ("module", "class_name", "config", "registered_name", "build_config", "compile_config", "shared_object_id")
)


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
            [node.name, node.layer, encoded(node.args), encoded(node.kwargs), specs_to_plain(node.outputs)]
            for node in graph.nodes.values()
        ],
        "inputs": encoded(graph.inputs),
        "outputs": encoded(graph.outputs),
        "positions": graph.positions,
    }


def from_plain(data: Any) -> Graph:
    """The graph that `to_plain` was given.

    Raises:
        ValueError: it is not such data: a key too many or too few, a value of another type, a tensor that no earlier
            node puts out.
    """
    _exactly(data, _GRAPH)
    layers: dict[str, LayerSpec] = {}
    for layer in map(layer_from_plain, _typed(data["layers"], list)):
        if layer.name in layers:
            raise _malformed("a layer twice")
        layers[layer.name] = layer
    nodes: dict[str, Node] = {}
    for node in map(_node_from_plain, _typed(data["nodes"], list)):
        if node.name in nodes or node.layer not in layers:
            raise _malformed("a node that does not fit")
        if not all(_is_there(ref, nodes) for ref in node.inputs):
            raise _malformed("a tensor that no earlier node puts out")
        nodes[node.name] = node
    inputs, outputs = decoded(data["inputs"]), decoded(data["outputs"])
    positions = tuple(_typed(each, str) for each in _typed(data["positions"], list))
    graph = Graph(_typed(data["name"], str), layers, nodes, inputs, outputs, positions=positions)
    ends = (*graph.input_refs, *graph.output_refs)
    if not graph.input_refs or not graph.output_refs or not all(_is_there(ref, nodes) for ref in ends):
        raise _malformed("an end that is not there")
    if set(graph.calls) != set(layers) or len(set(positions)) != len(positions) or not set(positions) <= set(layers):
        raise _malformed("layers without a call, or positions without a layer")
    return graph


def _node_from_plain(data: Any) -> Node:
    name, layer, args, kwargs, outputs = _typed(data, list)
    return Node(
        _typed(name, str),
        _typed(layer, str),
        _typed(decoded(args), tuple),
        _typed(decoded(kwargs), dict),
        specs_from_plain(outputs),
    )


def _is_there(ref: ValueRef, nodes: Mapping[str, Node]) -> bool:
    return ref.node in nodes and ref.index < len(nodes[ref.node].outputs)


def specs_to_plain(specs: tuple[TensorSpec, ...]) -> list[Any]:
    """Shapes and dtypes as JSON data."""
    return [[list(spec.shape), spec.dtype] for spec in specs]


def specs_from_plain(data: Any) -> tuple[TensorSpec, ...]:
    """The shapes and dtypes that `specs_to_plain` was given.

    Raises:
        ValueError: as `from_plain`.
    """
    specs = []
    for shape, dtype in map(_pair, _typed(data, list)):
        sizes = (size if size is None else _natural(size) for size in _typed(shape, list))
        specs.append(TensorSpec(tuple(sizes), _typed(dtype, str)))
    return tuple(specs)


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
        "stored": [layer.stored.group, layer.stored.loads_itself, layer.stored.assets],
        "takes_training": layer.takes_training,
        "lora": _lora_to_plain(layer.lora),
    }


def layer_from_plain(data: Any) -> LayerSpec:
    """The layer that `layer_to_plain` was given.

    Raises:
        ValueError: as `from_plain`.
    """
    _exactly(data, _LAYER)
    kind, config = data["kind"], _typed(decoded(data["config"]), dict)
    if kind not in KINDS or (data["inner"] is not None) != (kind == "model"):
        raise _malformed("a kind of layer that is none")
    if not config.keys() <= _CONFIG or type(config.get("class_name")) is not str or not _is_named(config):
        raise _malformed("a config that is none")
    return LayerSpec(
        name=_typed(data["name"], str),
        class_name=_typed(data["class_name"], str),
        config=config,
        kind=kind,
        trainable=_typed(data["trainable"], bool),
        variables=tuple(map(_variable_from_plain, _typed(data["variables"], list))),
        position=None if data["position"] is None else _natural(data["position"]),
        inner=from_plain(data["inner"]) if data["inner"] is not None else None,
        stored=_stored_from_plain(data["stored"]),
        takes_training=_typed(data["takes_training"], bool),
        lora=_lora_from_plain(data["lora"]),
    )


def _lora_to_plain(lora: LowRank | None) -> Any:
    return None if lora is None else [lora.rank, lora.alpha, list(lora.parts), lora.trains_bias]


def _lora_from_plain(data: Any) -> LowRank | None:
    if data is None:
        return None
    rank, alpha, parts, trains_bias = _typed(data, list)
    names = tuple(_typed(each, str) for each in _typed(parts, list))
    return LowRank(_natural(rank), _typed(alpha, float), names, _typed(trains_bias, bool), BASE)


def _stored_from_plain(data: Any) -> Stored:
    group, loads_itself, assets = _typed(data, list)
    if group is not None:
        _typed(group, str)
    return Stored(
        group,
        loads_itself=_typed(loads_itself, bool),
        assets=tuple(_typed(each, str) for each in _typed(assets, list)),
    )


def _variable_from_plain(data: Any) -> VariableSpec:
    path, shape, dtype, trainable, store_path, legacy_index = _typed(data, list)
    texts = type(path) is type(dtype) is str and type(trainable) is bool and type(shape) is list
    if not texts or (store_path is not None and type(store_path) is not str):
        raise _malformed("a variable that is none")
    for size in shape if legacy_index is None else (*shape, legacy_index):
        _natural(size)
    return VariableSpec(path, tuple(shape), dtype, trainable, store_path, legacy_index)


def _is_named(config: Mapping[str, Any]) -> bool:
    arguments = config.get("config")
    return type(arguments) is dict and type(arguments.get("name", "")) is str


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
    """The nest that `encoded` was given.

    Raises:
        ValueError: as `from_plain`.
    """
    if type(value) is list:
        return [decoded(each) if type(each) in _NESTS else each for each in value]
    if type(value) is not dict:
        return value
    if "$ref" in value and len(value) == 1:
        node, index = _pair(value["$ref"])
        return ValueRef(_typed(node, str), _natural(index))
    if "$tuple" in value and len(value) == 1:
        return tuple(decoded(each) for each in _typed(value["$tuple"], list))
    if any(key[:1] == "$" for key in value):
        raise _malformed("a key that means nothing")
    return {key: decoded(each) if type(each) in _NESTS else each for key, each in value.items()}


def _typed(value: Any, kind: type) -> Any:
    """The value itself, which is of the type: what the cache reads, somebody else may have written."""
    if type(value) is not kind:  # `True` is no number here
        raise _malformed(f"a {type(value).__name__} where a {kind.__name__} should be")
    return value


def _natural(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise _malformed("what should be a count")
    return value


def _pair(value: Any) -> tuple[Any, Any]:
    one, other = _typed(value, list)
    return one, other


def _exactly(data: Any, keys: frozenset[str]) -> None:
    if type(data) is not dict or data.keys() != keys:
        raise _malformed("other keys")


def _malformed(what: str) -> ValueError:
    return ValueError(f"this is no graph: {what}")
