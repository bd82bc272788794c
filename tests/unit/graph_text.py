"""A graph as lines that a reviewer reads and `read_graph` reads back: one for each call, a nested model indented below.

    model small
    inputs  image
    outputs tower@1, add

    image    InputLayer(batch_shape=(None, 8))  -> (None, 8)
    tower@0  Dense(units=8) <- image            -> (None, 8) | kernel (8, 8), bias (8,) ; frozen
    tower@1  again <- tower@0                   -> (None, 8)
    more     again(tower) <- image              -> (None, 8)
    add      Add() <- [tower@0, tower@1]        -> (None, 8)
    new      Dropout(rate=0.3) <- add ; from insert[0].layers[0]

`->` are the tensors put out (float32 where nothing is said; nothing where no shape is known yet), `|` the variables
(absent of a layer that Keras has not built yet), and after each `;` stands one more thing about the layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spec_compiler.diagnostics import dotted
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, VariableSpec
from spec_compiler.graph.node import Node, TensorSpec, ValueRef

WIDEST = 64  # characters; what follows a longer cell is not aligned


def graph_text(graph: Graph) -> str:
    """The graph's text."""
    lines = [
        f"model {graph.name}",
        f"inputs  {_value(graph.inputs)}",
        f"outputs {_value(graph.outputs)}",
        *(f"removed {name} by {dotted(origin.path) or origin.section}" for name, origin in graph.removed.items()),
        "",
    ]
    rows = [_cells(graph, node) for node in graph.nodes.values()]
    widths = [max((len(row[at]) for row in rows if len(row[at]) <= WIDEST), default=0) for at in range(3)]
    for row, node in zip(rows, graph.nodes.values(), strict=True):
        aligned = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        lines.append(f"{'  '.join(aligned)} {row[3]}".rstrip())
        inner = graph.layer_of(node.name).inner
        if inner is not None and _is_first(graph, node):
            lines += [f"    {line}".rstrip() for line in graph_text(inner).splitlines()]
    return "\n".join(lines) + "\n"


def _is_first(graph: Graph, node: Node) -> bool:
    return graph.calls[node.layer][0] == node.name


def _cells(graph: Graph, node: Node) -> tuple[str, str, str, str]:
    layer = graph.layers[node.layer]
    first = _is_first(graph, node)
    own = {key: value for key, value in layer.arguments.items() if key != "name"}
    again = "again" if node.name.startswith(f"{node.layer}@") else f"again({node.layer})"
    what = f"{layer.class_name}({_arguments(own)})" if first else again
    takes = ", ".join([*map(_value, node.args), *([_arguments(node.kwargs)] if node.kwargs else [])])
    puts = ", ".join(map(_tensor, node.outputs))
    about = [f"| {', '.join(map(_variable, layer.variables or ())) or 'none'}"] if _says_variables(layer) else []
    about += [f"; {mark}" for mark in _marks(layer)]
    about += [f"; sizes of {_value(node.sized_by)}"] if node.sized_by is not None else []
    return (
        node.name,
        f"{what} <- {takes}" if takes else what,
        f"-> {puts}" if puts else "",
        " ".join(about) if first else "",
    )


def _says_variables(layer: LayerSpec) -> bool:
    return layer.variables is not None if layer.is_new else bool(layer.variables)


def _marks(layer: LayerSpec) -> Iterator[str]:
    if layer.kind == "operation":
        yield "operation"
    if not layer.trainable:
        yield "frozen"
    if layer.takes_training:
        yield "takes training"
    if layer.is_new:
        yield f"from {dotted(layer.origin.path)}"
    if layer.changed_by is not None:
        yield f"changed by {dotted(layer.changed_by.path)}"
    if layer.changed:
        yield f"set {_arguments(layer.changed)}"
    if layer.lora is not None:
        lora, bias = layer.lora, ", bias trains" if layer.lora.trains_bias else ""
        yield f"LoRA {lora.rank} {lora.alpha:g} {_value(list(lora.parts))} by {dotted(lora.origin.path)}{bias}"
    if layer.keras_name is not None:
        yield f"in Keras {layer.keras_name}"
    if layer.base_name is not None:
        yield f"was {layer.base_name}"
    places = layer.all_places()
    if any(place != (layer.name, index) for index, place in enumerate(places)):
        yield f"stored at {', '.join('nowhere' if each is None else f'{each[0]}[{each[1]}]' for each in places)}"


def _tensor(spec: TensorSpec) -> str:
    return f"{spec.shape}" if spec.dtype == "float32" else f"{spec.dtype} {spec.shape}"


def _variable(variable: VariableSpec) -> str:
    words = [variable.path, str(variable.shape)]
    words += [variable.dtype] if variable.dtype != "float32" else []
    words += [] if variable.trainable else ["fixed"]
    return " ".join(words if variable.is_weight else [*words, "state"])


def _arguments(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={_value(value)}" for key, value in arguments.items())


def _value(value: Any) -> str:
    if isinstance(value, ValueRef):
        return f"{value.node}:{value.index}" if value.index else value.node
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_value, value))}{',' if len(value) == 1 else ''})"
    return f"[{', '.join(map(_value, value))}]" if isinstance(value, list) else repr(value)
