"""Why a layer does not fit: which one, both shapes, and the edit that caused it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.graph import Graph, LayerSpec, Node, Origin, TensorSpec, ValueRef


def fit_errors(before: LayerSpec, after: LayerSpec, node: str, graph: Graph, base: Graph) -> list[Diagnostic]:
    """SC402 for a kept layer whose variables would get another shape than its weights have."""
    old = next(each for each, new in _pairs(before, after) if each is None or new is None or each.shape != new.shape)
    new = next(new for each, new in _pairs(before, after) if each is None or new is None or each.shape != new.shape)
    culprit = _culprit(graph, node)
    got, wanted = _input_shapes(graph, node), _input_shapes(base, node)
    what = old.path if old is not None else "variable"
    message = f"the kept layer `{before.name}` cannot take its input {got}, its weights are for {wanted}"
    notes = []
    if old is not None and new is not None:
        notes.append(f"its {what} has the shape {old.shape}, this input needs {new.shape}")
    notes += _culprit_notes(culprit, graph, base)
    help = _fit_help(before, culprit, graph, node, base)
    return [Diagnostic("SC402", message, _place(culprit), notes=tuple(notes), help=help)]


def _place(culprit: LayerSpec | None) -> Path:
    """Where the spec says what a new layer puts out: its `filters` or `units`, or its entry."""
    if culprit is None:
        return ()
    argument = _width(culprit)
    return (*culprit.origin.path, culprit.class_name, *([argument] if argument else []))


def _width(layer: LayerSpec) -> str | None:
    return next((key for key in ("filters", "units") if key in layer.config.get("config", {})), None)


def _pairs(before: LayerSpec, after: LayerSpec) -> list[tuple[Any, Any]]:
    old, new = list(before.variables or ()), list(after.variables or ())
    size = max(len(old), len(new))
    return list(zip(old + [None] * (size - len(old)), new + [None] * (size - len(new)), strict=True))


def call_error(
    error: Exception, node: Node, graph: Graph, base: Graph, shapes: Mapping[ValueRef, TensorSpec]
) -> SpecError:
    """SC401 for a layer that Keras refuses to call on its input."""
    spec = graph.layers[node.layer]
    got = " and ".join(shown(shapes[ref].shape) for ref in dict.fromkeys(node.inputs))
    takes = ", ".join(f"`{ref.node}` {shown(shapes[ref].shape)}" for ref in dict.fromkeys(node.inputs))
    culprit = spec if spec.is_new else _culprit(graph, node.name)
    kept = "the kept layer " if not spec.is_new else ""
    wanted = (
        f", in the base it took {_input_shapes(base, node.name)}" if not spec.is_new and node.name in base.nodes else ""
    )
    notes = [f"it takes {takes}", f"Keras says: {keras_reason(error)}"]
    if culprit is not None and culprit is not spec:
        notes += _culprit_notes(culprit, graph, base)
    return SpecError.single(
        "SC401",
        f"{kept}`{spec.name}` ({spec.class_name}) cannot take its input {got}{wanted}",
        path=(*culprit.origin.path, culprit.class_name) if culprit is not None else (),
        at_key=True,
        notes=notes,
        help=_call_help(spec, [shapes[ref].shape for ref in node.inputs]),
    )


def make_error(error: Exception, spec: LayerSpec) -> SpecError:
    """SC403 for a new layer whose constructor refuses its arguments."""
    return SpecError.single(
        "SC403",
        f"`{spec.class_name}` cannot be made from these arguments",
        path=(*spec.origin.path, spec.class_name),
        at_key=True,
        notes=[f"Keras says: {keras_reason(error)}"],
    )


def keras_reason(error: Exception) -> str:
    """The sentence of a Keras error that says what is wrong, without the arguments that it was called with."""
    text = str(error).strip()
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.split(r"\n\s*\nArguments received by|\n\nCall arguments received", text)[0]
    text = re.sub(r"^Exception encountered when calling [^\n]*\n+", "", text)
    found = re.search(r"Error encountered:\s*(.+)", text, re.S)
    text = (found[1] if found else text).strip().replace("with name 'None' of layer", "of layer")
    first = " ".join(line.strip() for line in text.split("\n\n")[0].split("\n"))
    return (first[:300] + " …") if len(first) > 300 else first or type(error).__name__


def shown(shape: tuple[int | None, ...]) -> str:
    """A shape in a message: `(None, 224, 224, 3)`."""
    return str(tuple(shape))


def _input_shapes(graph: Graph, node: str) -> str:
    if node not in graph.nodes:
        return "another shape"
    specs = [graph.spec_of(ref) for ref in dict.fromkeys(graph.nodes[node].inputs)]
    return " and ".join(shown(spec.shape) for spec in specs if spec is not None)


def _culprit(graph: Graph, node: str) -> LayerSpec | None:
    """The nearest new layer that the node depends on."""
    seen, todo = {node}, deque([node])
    while todo:
        name = todo.popleft()
        if name != node and graph.layer_of(name).is_new:
            return graph.layer_of(name)
        for ref in graph.nodes[name].inputs:
            if ref.node not in seen:
                seen.add(ref.node)
                todo.append(ref.node)
    return None


def _culprit_notes(culprit: LayerSpec | None, graph: Graph, base: Graph) -> list[str]:
    if culprit is None:
        return []
    spec = graph.spec_of(ValueRef(graph.calls[culprit.name][0]))
    there = f" puts out {shown(spec.shape)}" if spec else ""
    notes = [f"`{culprit.name}`, made by `{section(culprit.origin)}`,{there}"]
    exits = [
        name for name, origin in graph.removed.items() if origin.path == culprit.origin.path[:2] and name in base.nodes
    ]
    if exits and spec:
        last = base.in_order(exits)[-1]
        was = base.spec_of(ValueRef(last))
        if was is not None:
            notes.append(f"`{last}`, which it replaces, put out {shown(was.shape)}")
    return notes


def section(origin: Origin) -> str:
    """A section entry as users count it: `replace[0]`."""
    index = origin.path[1] if len(origin.path) > 1 and isinstance(origin.path[1], int) else None
    return origin.section if index is None or origin.section == "head" else f"{origin.section}[{index}]"


def _fit_help(layer: LayerSpec, culprit: LayerSpec | None, graph: Graph, node: str, base: Graph) -> str:
    replace = f"or give `{layer.name}` fresh weights by naming it in `replace`"
    if culprit is None or node not in base.nodes:
        return replace
    wanted = next((base.spec_of(ref) for ref in base.nodes[node].inputs), None)
    argument = _width(culprit)
    if wanted is not None and argument and wanted.shape[-1] is not None:
        return f"set `{argument}: {wanted.shape[-1]}` in `{culprit.name}`,\n{replace}"
    if wanted is not None:
        return f"end the new layers with one that puts out {shown(wanted.shape)},\n{replace}"
    return replace


def _call_help(spec: LayerSpec, shapes: list[tuple[int | None, ...]]) -> str | None:
    rank = len(shapes[0]) if shapes else 0
    if spec.class_name.endswith(("2D", "2DTranspose")) and rank == 2:
        return "put it before the layer that flattens its input"
    if (
        spec.class_name in ("Add", "Concatenate", "Multiply", "Average", "Subtract", "Maximum", "Minimum", "Dot")
        and len(shapes) < 2
    ):
        return "a merge takes several tensors: name them with `from: [a, b]`"
    if any(size is not None and size <= 0 for shape in shapes for size in shape):
        return "the tensor is too small here, take a larger input or cut earlier"
    return None
