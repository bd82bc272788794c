"""The structure of a planned result: a line for each layer that is another one as soon as anything of it is."""

from __future__ import annotations

from typing import Any

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import ValueRef
from spec_compiler.locking.plain import digest
from spec_compiler.plan import Plan


def result_of(plan: Plan) -> dict[str, Any]:
    """What is planned as plain data: digests of the plan and of each layer, and what the model takes and puts out."""
    graph = plan.after
    return {
        "name": plan.name,
        "plan": digest(plan.to_json()),
        "parameters": graph.num_parameters,
        "inputs": [_end(graph, ref) for ref in graph.input_refs],
        "outputs": [_end(graph, ref) for ref in graph.output_refs],
        "layers": {name: layer_line(graph, graph.layers[name]) for name in graph.calls},
    }


def layer_line(graph: Graph, layer: LayerSpec) -> str:
    """A layer in one line: its class, what it puts out, its parameters, and the beginning of a digest of all of it."""
    outputs = graph.nodes[graph.calls[layer.name][0]].outputs
    shape = str(tuple(outputs[0].shape)) if outputs else "?"
    said = f"{layer.class_name} {shape} {layer.num_parameters:,}"
    return f"{said} {digest(_layer(graph, layer))[:16]}"


def _layer(graph: Graph, layer: LayerSpec) -> Any:
    calls = [graph.nodes[name] for name in graph.calls[layer.name]]
    return {
        "class": [layer.class_name, layer.config.get("module"), layer.config.get("registered_name")],
        "arguments": {key: value for key, value in layer.arguments.items() if key not in ("name", "layers")},
        "kind": layer.kind,
        "name": layer.name_in_keras,
        "trainable": layer.trainable,
        "variables": [(each.path, each.shape, each.dtype, each.trainable) for each in layer.variables or ()],
        "lora": layer.lora and (layer.lora.rank, layer.lora.alpha, layer.lora.parts),
        "calls": [
            [_said(each.args), _said(each.kwargs), [(spec.shape, spec.dtype) for spec in each.outputs]]
            for each in calls
        ],
        "inside": layer.inner and [
            _layer(layer.inner, layer.inner.layers[name]) for name in layer.inner.calls
        ],
    }  # fmt: skip


def _said(value: Any) -> Any:
    """A call's arguments, with the tensors in them by what makes them."""
    if isinstance(value, ValueRef):
        return f"{value.node}:{value.index}"
    if isinstance(value, dict):
        return {key: _said(each) for key, each in value.items()}
    return [_said(each) for each in value] if isinstance(value, list | tuple) else str(value)


def _end(graph: Graph, ref: ValueRef) -> str:
    spec = graph.spec_of(ref)
    return f"{graph.nodes[ref.node].layer} {tuple(spec.shape) if spec else '?'} {spec.dtype if spec else ''}".rstrip()
