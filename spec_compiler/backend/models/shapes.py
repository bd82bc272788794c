"""Why a layer does not fit: which one, both shapes, and the edit that caused it."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import replace

from spec_compiler.backend.models.fixes import call_fixes, call_help, fit_fixes, fit_help, width_argument
from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.edits import entry_name
from spec_compiler.edits.resized import ORIGIN as RESIZED
from spec_compiler.graph import Graph
from spec_compiler.graph.channels import channel_axis
from spec_compiler.graph.layer_spec import LayerSpec, Origin, VariableSpec
from spec_compiler.graph.node import Node, ValueRef


def fit_errors(
    layer: LayerSpec, variables: tuple[VariableSpec, ...], node: str, graph: Graph, base: Graph
) -> list[Diagnostic]:
    """SC402 for a kept layer whose `variables`, on its new input, have another shape than its weights."""
    culprit = _culprit(graph, node)
    got, wanted = _input_shapes(graph, node), _input_shapes(base, node)
    if got == wanted and layer.changed_by is None:
        return [_not_rebuilt(layer, variables)]
    message = f"the kept layer `{layer.name}` cannot take its input {got}, its weights are for {wanted}"
    if got == wanted:
        message = f"the weights of the kept layer `{layer.name}` do not fit its new arguments"
    old = layer.variables or ()
    notes = [
        f"its {new.path} has the shape {old[index].shape}, now it needs {new.shape}"
        for index, new in zip(layer.continues(variables), variables, strict=True)
        if index is not None and old[index].shape != new.shape
    ][:1]
    notes += _culprit_notes(culprit, graph, base)
    gone = _removal(graph, base, node) if culprit is None else None
    if gone is not None:
        notes.append(_gone(*gone))
    fixes = tuple(fit_fixes(layer, culprit, graph, node, base))
    help = fit_help(layer, culprit, gone[0] if gone is not None else None, wanted)
    place = _place(culprit, gone[1] if gone else None)
    return [Diagnostic("SC402", message, place, notes=tuple(notes), help=help, fixes=fixes)]


def _not_rebuilt(layer: LayerSpec, variables: tuple[VariableSpec, ...]) -> Diagnostic:
    """SC402 for a layer whose config does not say what was done to it, such as LoRA in a layer inside of it."""
    old = layer.variables or ()
    known = dict.fromkeys(each.path for each in variables)
    more = [f"`{each.path}`" for each in old if each.path not in known][:3]
    note = f"its config makes {len(variables)} variables, it has {len(old)}"
    return Diagnostic(
        "SC402",
        f"the kept layer `{layer.name}` ({layer.class_name}) cannot be made again from its config",
        notes=(f"{note}, {', '.join(more)} among them" if len(old) > len(variables) and more else note,),
        help=f"a layer inside of it was changed after it was built, by LoRA or by quantizing: undo that, or put a new\n"
        f"layer in the place of `{layer.name}` with `replace`",
    )


def _place(culprit: LayerSpec | None, gone: Origin | None = None) -> Path:
    """Where the spec says what a new layer puts out: its `filters` or `units`, or its entry; or what took one away."""
    if culprit is None:
        return gone.path if gone is not None else ()
    if not culprit.is_new or culprit.kind == "input":
        path = culprit.cause.path if culprit.cause else ()
        if culprit.changed and path[:1] == ("set",):
            return (*path, "to", next(iter(culprit.changed)))
        return path
    argument = width_argument(culprit)
    return (*culprit.origin.path, culprit.class_name, *([argument] if argument else []))


def call_error(error: Exception, node: Node, graph: Graph, base: Graph) -> SpecError:
    """SC401 for a layer that Keras refuses to call on its input."""
    spec = graph.layers[node.layer]
    refs = list(dict.fromkeys(node.inputs))
    shapes = [each.shape for ref in refs if (each := graph.spec_of(ref)) is not None]
    culprit = spec if spec.is_new else _culprit(graph, node.name)
    kept = "the kept layer " if not spec.is_new else ""
    before = ""
    if not spec.is_new and node.name in base.nodes:
        before = f", in the base it took {_input_shapes(base, node.name)}"
    takes = ", ".join(f"`{ref.node}` {shown(shape)}" for ref, shape in zip(refs, shapes, strict=False))
    notes = [f"it takes {takes}", _said(error, spec)]
    if culprit is not None and culprit is not spec:
        notes += _culprit_notes(culprit, graph, base)
    gone = _removal(graph, base, node.name) if culprit is None else None
    if gone is not None:
        notes.append(_gone(*gone))
    made = culprit is not None and culprit.is_new and culprit.kind != "input"
    return SpecError.single(
        "SC401",
        f"{kept}`{spec.name}` ({spec.class_name}) cannot take its input {' and '.join(map(shown, shapes))}{before}",
        path=(*culprit.origin.path, culprit.class_name)
        if made and culprit
        else _place(culprit, gone[1] if gone else None),
        at_key=made,
        notes=notes,
        help=call_help(spec, shapes, culprit, gone[0] if gone else None, channel_axis(graph, refs[0].node)),
        fixes=tuple(call_fixes(spec, node, graph, base, shapes, culprit)),
    )


def _said(error: Exception, layer: LayerSpec) -> str:
    """Why a call was refused. Of a `Lambda` Keras says only that it knows no shape, whatever its function raised."""
    cause = error.__context__
    while cause is not None and cause.__context__ is not None:
        cause = cause.__context__
    if layer.class_name == "Lambda" and isinstance(cause, Exception) and type(cause) is not type(error):
        return f"its function says: {type(cause).__name__}: {keras_reason(cause)}"
    return f"Keras says: {keras_reason(error)}"


def because(error: SpecError, node: Node, graph: Graph, base: Graph) -> SpecError:
    """What was said of a kept layer, placed, where it has no place yet, at the edit that gives it another input."""
    if all(each.path for each in error.diagnostics) or graph.layers[node.layer].is_new:
        return error
    culprit = _culprit(graph, node.name)
    gone = _removal(graph, base, node.name) if culprit is None else None
    place = _place(culprit, gone[1] if gone else None)
    notes = [_gone(*gone)] if gone is not None else _culprit_notes(culprit, graph, base)
    found = (replace(each, path=place, notes=(*each.notes, *notes)) for each in error.diagnostics if not each.path)
    return SpecError([*(each for each in error.diagnostics if each.path), *found])


def make_error(error: Exception, spec: LayerSpec) -> SpecError:
    """SC403 for a new layer whose constructor refuses its arguments."""
    return SpecError.single(
        "SC403",
        f"`{spec.class_name}` cannot be made from these arguments",
        path=(*spec.origin.path, spec.class_name) if spec.is_new else _place(spec),
        at_key=spec.is_new,
        notes=[f"Keras says: {keras_reason(error)}"],
    )


def keras_reason(error: Exception) -> str:
    """The sentence of a Keras error that says what is wrong, without the arguments that it was called with."""
    text = str(error).strip()
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.split(r"\n\s*\nArguments received by|\n\nCall arguments received", text)[0]
    text = re.sub(r"^Exception encountered when calling [^\n]*\n+", "", text)
    text = re.split(r"(?:Error|Exception) encountered:", text)[-1].strip()
    text = text.replace("with name 'None' of layer", "of layer").split(" Full object config:")[0]
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
    """The nearest layer that the node depends on, itself included, that an edit made or changed.

    Of what a new size of the input changes, the input itself.
    """
    seen, todo = {node}, deque([node])
    while todo:
        name = todo.popleft()
        layer = graph.layer_of(name)
        is_told = layer.changed_by != RESIZED or layer.kind == "input"
        if layer.cause is not None and is_told and layer.cause.section != "dtype":  # which changes no shape
            return layer
        for ref in graph.nodes[name].inputs:
            if ref.node not in seen:
                seen.add(ref.node)
                todo.append(ref.node)
    return None


def _removal(graph: Graph, base: Graph, node: str) -> tuple[str, Origin] | None:
    """The nearest layer before a node of the base that an edit took away, and the edit."""
    seen, todo = {node}, deque([node] if node in base.nodes else [])
    while todo:
        name = todo.popleft()
        if name in graph.removed:
            return name, graph.removed[name]
        for ref in base.nodes[name].inputs:
            if ref.node not in seen:
                seen.add(ref.node)
                todo.append(ref.node)
    return None


def _gone(name: str, origin: Origin) -> str:
    return f"`{entry_name(origin.path)}` took `{name}` away, which stood before it"


def _culprit_notes(culprit: LayerSpec | None, graph: Graph, base: Graph) -> list[str]:
    if culprit is None:
        return []
    spec = graph.spec_of(ValueRef(graph.calls[culprit.name][0]))
    there = f" puts out {shown(spec.shape)}" if spec else ""
    cause = culprit.cause or culprit.origin
    how = "made" if culprit.is_new and culprit.changed_by is None else "changed"
    notes = [f"`{culprit.name}`, {how} by `{entry_name(cause.path)}`,{there}"]
    if not culprit.is_new:
        was = base.spec_of(ValueRef(culprit.name)) if culprit.name in base.nodes else None
        if was is None or (spec is not None and was.shape == spec.shape):
            return [] if was is not None else notes
        return [*notes, f"in the base it put out {shown(was.shape)}"]
    exits = [
        name for name, origin in graph.removed.items() if origin.path == culprit.origin.path[:2] and name in base.nodes
    ]
    if exits and spec:
        last = base.in_order(exits)[-1]
        was = base.spec_of(ValueRef(last))
        if was is not None:
            notes.append(f"`{last}`, which it replaces, put out {shown(was.shape)}")
    return notes
