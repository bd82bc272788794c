"""A call that Keras was never asked for, worked out from what it said of one layer of the same class.

`templates` is that: for each class the config that Keras gives a layer, and how it writes activations, initialisers and
the like. An ordinary machine has no templates, it has Keras. Where there are some, whatever is not plain to see stays
unknown, as without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from spec_compiler.graph.layer_spec import LayerSpec, Shape, VariableSpec
from spec_compiler.graph.node import Node, TensorSpec, ValueRef
from spec_compiler.graph.plain import layer_from_plain
from spec_compiler.keras_facts import catalogue
from spec_compiler.memory.shapes.configs import as_configured, demanded
from spec_compiler.memory.shapes.rules import OF_APPLICATIONS, OPERATIONS, RULES, Held, Rule

_FLOAT = "float32"


def worked_out(
    node: Node, layer: LayerSpec, nodes: Mapping[str, Node], templates: Mapping[str, Any]
) -> tuple[tuple[TensorSpec, ...], LayerSpec] | None:
    """What a call puts out, and its layer as Keras would have it; None where that is not plain to see."""
    taken = _taken(node, nodes)
    if taken is None or layer.inner is not None or layer.lora is not None:
        return None
    rule = _rule(layer)
    whole = _whole(layer, templates)
    if rule is None or whole is None or not _computes_in_float32(whole):
        return None
    try:
        made = rule(whole.arguments, taken)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):  # an argument as Keras would not have it
        return None
    if made is None:
        return None
    outputs = (TensorSpec(made.shape, _FLOAT),)
    variables = tuple(_variable(each, index) for index, each in enumerate(made.held)) if layer.can_train else ()
    return outputs, replace(whole, variables=variables)


def _taken(node: Node, nodes: Mapping[str, Node]) -> list[Shape] | None:
    """The shapes of what a call takes: of a tensor, a list of them, or of a number, whose shape is ()."""
    if not node.args or not all(each is None or type(each) is bool for each in node.kwargs.values()):
        return None  # `mask=None` and `training=False` are no matter
    parts = node.args[0] if len(node.args) == 1 and isinstance(node.args[0], list | tuple) else node.args
    shapes: list[Shape] = []
    for part in parts:
        if type(part) in (int, float):
            shapes.append(())
            continue
        if not isinstance(part, ValueRef) or nodes[part.node].outputs[part.index].dtype != _FLOAT:
            return None
        shapes.append(nodes[part.node].outputs[part.index].shape)
    return shapes


def _rule(layer: LayerSpec) -> Rule | None:
    name = str(layer.config.get("class_name", layer.class_name))
    module = layer.config.get("module")
    if layer.kind == "operation":
        return OPERATIONS.get(name) if str(module).startswith("keras.src.ops.") else None
    if layer.kind != "layer":
        return None
    if layer.is_new or module == "keras.layers":
        return RULES.get(name)
    return OF_APPLICATIONS.get(name) if str(module).startswith("keras.src.applications.") else None


def _whole(layer: LayerSpec, templates: Mapping[str, Any]) -> LayerSpec | None:
    """The layer with its whole config, as `get_config` gives it."""
    if layer.wrapped is not None or layer.remade:
        return None
    if layer.kind == "operation" or (not layer.is_new and not layer.changed):
        return layer
    if not layer.is_new:
        given = as_configured(layer.class_name, layer.changed, layer.arguments, templates)
        return layer.with_arguments({**layer.arguments, **given}) if given is not None else None
    class_name = catalogue.own_name(layer.class_name, "layer")
    known = templates["layers"].get(class_name)
    if known is None:
        return None
    template = layer_from_plain(known)
    given = as_configured(class_name, layer.arguments, template.arguments, templates)
    if given is None or not demanded(class_name) <= given.keys():
        return None
    whole = template.with_arguments({**template.arguments, **given, "name": layer.name_in_keras})
    return replace(whole, name=layer.name, trainable=bool(given.get("trainable", True)))


def _computes_in_float32(layer: LayerSpec) -> bool:
    if layer.kind == "operation":
        return True
    dtype = layer.arguments.get("dtype")
    return dtype == _FLOAT or (isinstance(dtype, Mapping) and dtype.get("config") == {"name": _FLOAT})


def _variable(held: Held, index: int) -> VariableSpec:
    if held.is_seed:
        return VariableSpec(held.name, held.shape, "int64", held.trainable)
    dtype = "int64" if held.name == "count" else _FLOAT
    return VariableSpec(held.name, held.shape, dtype, held.trainable, f"vars/{index}", index)
