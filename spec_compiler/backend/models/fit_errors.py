"""Why a layer does not fit: which one, both shapes, and the edit that caused it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from spec_compiler.backend.models.adapter_fixes import adapted_fixes, adapted_notes, as_convolution
from spec_compiler.backend.models.functions import reason_in
from spec_compiler.backend.models.shape_fixes import call_fixes, call_help, fit_fixes, fit_help, width_argument
from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.edits import entry_name
from spec_compiler.files import HERE, Folder
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import unfit
from spec_compiler.graph.channels import channel_axis
from spec_compiler.graph.layer_spec import LayerSpec, Origin, VariableSpec
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.keras_facts.function_names import names_own
from spec_compiler.keras_facts.merges import TAKE_LISTS
from spec_compiler.language.places import in_section, section_place


@dataclass(frozen=True)
class _Cause:
    """The edit behind a call that does not fit: it made or changed `culprit`, or took `gone` away."""

    culprit: LayerSpec | None = None
    gone: str | None = None
    removed_by: Origin | None = None

    @property
    def is_made(self) -> bool:
        """Whether an entry made the culprit, not `start_at`, which makes an input."""
        return self.culprit is not None and self.culprit.is_new and self.culprit.kind != "input"

    @property
    def place(self) -> Path:
        """Where the spec says so; empty where no edit is to blame."""
        if self.culprit is not None:
            return _place(self.culprit)
        return self.removed_by.path if self.removed_by is not None else ()

    def notes(self, graph: Graph, base: Graph) -> list[str]:
        """What the edit did."""
        if self.removed_by is not None:
            return [f"`{entry_name(self.removed_by.path)}` took `{self.gone}` away, which stood before it"]
        return _culprit_notes(self.culprit, graph, base) if self.culprit is not None else []


def _cause(graph: Graph, base: Graph, node: str) -> _Cause:
    """The nearest layer that the node depends on, itself included, that an edit made or changed; else took away."""
    for name in _upstream(graph, node):
        layer = graph.layer_of(name)
        # A new size of the input changes arguments of layers behind it; the input is what the user wrote.
        is_told = (
            not layer.changed_by or in_section(layer.changed_by.path) != ("input", "shape") or layer.kind == "input"
        )
        # which change no shape
        if layer.cause is not None and is_told and layer.cause.section not in ("dtype", "fold"):
            return _Cause(layer)
    # What was taken away is not in the graph any more, so that the way back leads through the base.
    gone = next((name for name in _upstream(base, node) if name in graph.removed), None)
    return _Cause(None, gone, graph.removed[gone]) if gone is not None else _Cause()


def _upstream(graph: Graph, node: str) -> Iterator[str]:
    """The node, if the graph has it, and those that it depends on, the nearest first."""
    seen, todo = {node}, deque([node] if node in graph.nodes else [])
    while todo:
        name = todo.popleft()
        yield name
        before = dict.fromkeys(ref.node for ref in graph.nodes[name].inputs if ref.node not in seen)
        seen.update(before)
        todo.extend(before)


def fit_errors(
    layer: LayerSpec, variables: tuple[VariableSpec, ...], node: str, graph: Graph, base: Graph
) -> list[Diagnostic]:
    """SC402 for a kept layer whose `variables`, on its new input, have another shape than its weights."""
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
    cause = _cause(graph, base, node)
    notes += [*cause.notes(graph, base), *adapted_notes(layer)]
    adapted = (*adapted_fixes(layer, variables, graph), *as_convolution(layer, node, graph, base))
    fixes = (*adapted, *fit_fixes(layer, cause.culprit, graph, node, base))
    help = fit_help(layer, cause.culprit, cause.gone, wanted)
    return [Diagnostic("SC402", message, cause.place, notes=tuple(notes), help=help, fixes=fixes)]


def adapter_errors(layer: LayerSpec) -> Iterator[Diagnostic]:
    """SC407 for a layer, as Keras built it, to which the spec gives values that cannot be made so."""
    problem = unfit(layer)
    if problem is not None and layer.adapter is not None:
        strategy = layer.adapter.strategy
        said = strategy if strategy == layer.adapter.origin.section else f"weights: {strategy}"
        message = f"`{said}` does not fit `{layer.name}` ({layer.class_name}): {problem.reason}"
        path = (*layer.adapter.origin.path, *problem.path)
        yield Diagnostic("SC407", message, path, help=problem.help, fixes=problem.fixes)


def _not_rebuilt(layer: LayerSpec, variables: tuple[VariableSpec, ...]) -> Diagnostic:
    """SC402 for a layer whose config does not say what was done to it, such as LoRA in a layer inside of it."""
    old = layer.variables or ()
    paths = dict.fromkeys(each.path for each in variables)
    more = [f"`{each.path}`" for each in old if each.path not in paths][:3]
    note = f"its config makes {len(variables)} variables, it has {len(old)}"
    return Diagnostic(
        "SC402",
        f"the kept layer `{layer.name}` ({layer.class_name}) cannot be made again from its config",
        notes=(f"{note}, {', '.join(more)} among them" if len(old) > len(variables) and more else note,),
        help=f"a layer inside of it was changed after it was built, by LoRA or by quantizing: undo that, or put a new\n"
        f"layer in the place of `{layer.name}` with `replace`",
    )


def _place(culprit: LayerSpec) -> Path:
    """Where the spec says what a layer puts out: the `filters`, `units` or entry of a new one, else what changed it."""
    if not culprit.is_new or culprit.kind == "input":
        path = culprit.cause.path if culprit.cause else ()
        if culprit.changed and in_section(path)[:1] == ("set",):
            return (*path, "to", next(iter(culprit.changed)))
        return path
    argument = width_argument(culprit)
    return (*culprit.origin.path, culprit.class_name, *([argument] if argument else []))


def call_error(error: Exception, node: Node, graph: Graph, base: Graph, folder: Folder = HERE) -> SpecError:
    """SC401 for a layer that Keras refuses to call on its input, or whose own code in `folder` fails."""
    spec = graph.layers[node.layer]
    refs = list(dict.fromkeys(node.inputs))
    shapes = [each.shape for ref in refs if (each := graph.spec_of(ref)) is not None]
    cause = _cause(graph, base, node.name)  # of a new layer itself
    culprit = cause.culprit
    kept = "the kept layer " if not spec.is_new else ""
    before = ""
    if not spec.is_new and node.name in base.nodes:
        before = f", in the base it took {_input_shapes(base, node.name)}"
    takes = ", ".join(f"`{ref.node}` {shown(shape)}" for ref, shape in zip(refs, shapes, strict=False))
    notes = [f"it takes {takes}", _said(error, spec)]
    if names_own((spec.class_name, spec.arguments)):
        notes += reason_in(error, folder)[1]
    if culprit is not spec:
        notes += cause.notes(graph, base)
    help = call_help(spec, shapes, culprit, cause.gone, channel_axis(graph, refs[0].node))
    if spec.is_new and not node.args and spec.class_name in TAKE_LISTS:
        names = ", ".join(ref.node for ref in refs)
        help = f"a `{spec.class_name}` takes a list, not arguments by name: `from: [{names}]`"
    return SpecError.single(
        "SC401",
        f"{kept}`{spec.name}` ({spec.class_name}) cannot take its input {' and '.join(map(shown, shapes))}{before}",
        path=(*culprit.origin.path, culprit.class_name) if culprit is not None and cause.is_made else cause.place,
        at_key=cause.is_made,
        notes=notes,
        help=help,
        fixes=(*as_convolution(spec, node.name, graph, base), *call_fixes(spec, node, graph, base, shapes, culprit)),
    )


def _said(error: Exception, layer: LayerSpec) -> str:
    """Why a call was refused. Of a `Lambda` Keras says only that it knows no shape, whatever its function raised."""
    first: BaseException = error
    while first.__context__ is not None:
        first = first.__context__
    if layer.class_name == "Lambda" and isinstance(first, Exception) and type(first) is not type(error):
        return f"its function says: {type(first).__name__}: {keras_reason(first)}"
    return f"Keras says: {keras_reason(error)}"


def because(error: SpecError, node: Node, graph: Graph, base: Graph) -> SpecError:
    """What was said of a kept layer, placed, where it has no place yet, at the edit that gives it another input."""
    if all(each.path for each in error.diagnostics) or graph.layers[node.layer].is_new:
        return error
    cause = _cause(graph, base, node.name)
    notes = cause.notes(graph, base)
    placed = (
        replace(each, path=cause.place, notes=(*each.notes, *notes)) for each in error.diagnostics if not each.path
    )
    return SpecError([*(each for each in error.diagnostics if each.path), *placed])


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
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error).strip())  # bold, by keras/src/utils/traceback_utils.py
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


def _culprit_notes(culprit: LayerSpec, graph: Graph, base: Graph) -> list[str]:
    spec = graph.spec_of(ValueRef(graph.calls[culprit.name][0]))
    there = f" puts out {shown(spec.shape)}" if spec else ""
    edit = culprit.cause or culprit.origin
    how = "made" if edit == culprit.origin else "changed"
    notes = [f"`{culprit.name}`, {how} by `{entry_name(edit.path)}`,{there}"]
    if not culprit.is_new:
        was = base.spec_of(ValueRef(culprit.name)) if culprit.name in base.nodes else None
        if was is None:
            return notes
        is_as_before = spec is not None and was.shape == spec.shape  # its change does not reach the layer that is meant
        return [] if is_as_before else [*notes, f"in the base it put out {shown(was.shape)}"]
    entry = culprit.origin.path[: len(section_place(culprit.origin.path)) + 1]
    exits = [name for name, origin in graph.removed.items() if origin.path == entry and name in base.nodes]
    if exits and spec:
        last = base.in_order(exits)[-1]
        was = base.spec_of(ValueRef(last))
        if was is not None:
            notes.append(f"`{last}`, which it replaces, put out {shown(was.shape)}")
    return notes
