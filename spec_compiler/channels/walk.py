"""Through a graph, call by call: what each one makes of the lines that come in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from spec_compiler.channels.atoms import Axes, LayerPath, Line, Reason, Record
from spec_compiler.channels.call import Argument, Call, NoRule
from spec_compiler.channels.rules import rule_for
from spec_compiler.channels.rules.joins import elementwise
from spec_compiler.graph import Graph
from spec_compiler.graph.channels import channel_axis
from spec_compiler.graph.layer_spec import LayerSpec, Shape
from spec_compiler.graph.node import Node, Structure, ValueRef
from spec_compiler.graph.same_arguments import arguments_of

UNKNOWN = "has no rule for its channels"


@dataclass(eq=False)
class Walk:
    """All that is found: the record, the lines of every tensor, and how arguments change.

    `tensors` are known by the nested models that they are in. Those of a nested model that is called twice are those of
    its last call: both leave alike.
    """

    record: Record = field(default_factory=Record)
    tensors: dict[tuple[LayerPath, ValueRef], Axes] = field(default_factory=dict)
    arguments: dict[LayerPath, dict[str, Argument]] = field(default_factory=dict)
    inputs: dict[str, tuple[int, Line]] = field(default_factory=dict)  # the axis of the channels, and their line
    ruleless: dict[LayerPath, str] = field(default_factory=dict)  # layers that no rule is for, or that it gave up

    def lines(self, path: LayerPath, ref: ValueRef) -> Axes:
        """The lines of a tensor; none of one whose shape is not known yet."""
        return self.tensors.get((path, ref), ())


def walk(graph: Graph) -> Walk:
    """What is found in a graph whose shapes are known."""
    found = Walk()
    _inputs(found, graph)
    _through(found, graph, (), tied=False)
    for ref in graph.output_refs:
        for line in found.lines((), ref):
            if line is not None:
                found.record.mark(
                    line, "pinned", Reason(f"the model's output `{ref.node}`", (graph.nodes[ref.node].layer,))
                )
    return found


def _inputs(found: Walk, graph: Graph) -> None:
    """Atoms for the channels of the model's inputs, which stay: they are what the model is given."""
    for name, node in graph.nodes.items():
        if graph.layers[node.layer].kind != "input":
            continue
        shape = _shape(graph, ValueRef(name))
        axis = channel_axis(graph, name) % (len(shape) + 1) - 1 if shape else 0
        axes: list[Line | None] = [None] * len(shape)
        if shape and (size := shape[axis]) is not None:
            line = found.record.fresh((node.layer,), size, "inputs")
            found.record.mark(line, "pinned", Reason(f"the model's input `{name}`", (node.layer,)))
            found.inputs[name], axes[axis] = (axis + 1, line), line
        found.tensors[(), ValueRef(name)] = tuple(axes)


def _through(found: Walk, graph: Graph, path: LayerPath, tied: bool) -> None:
    holders = {layer.name for layer in graph.tied_layers}
    for name, node in graph.nodes.items():
        layer = graph.layers[node.layer]
        if layer.kind == "input":
            continue
        is_tied = tied or node.layer in holders
        if layer.inner is not None:
            outs = _nested(found, graph, node, path, is_tied)
        else:
            outs = _called(found, graph, node, path, is_tied)
        for index, axes in enumerate(outs):
            found.tensors[path, ValueRef(name, index)] = axes


def _nested(found: Walk, graph: Graph, node: Node, path: LayerPath, tied: bool) -> list[Axes]:
    """The lines that a nested model puts out: those that come in go on inside."""
    inner = graph.layers[node.layer].inner
    assert inner is not None
    here = (*path, node.layer)
    if len(inner.input_refs) != len(node.data_inputs):
        why = Reason(f"`{'/'.join(here)}` is called in a way that is not known", here)
        for line in (line for ref in node.data_inputs for line in found.lines(path, ref) if line is not None):
            found.record.mark(line, "pinned", why)
        return [(None,) * len(each.shape[1:]) for each in node.outputs]
    for ref, outer in zip(inner.input_refs, node.data_inputs, strict=True):
        axes = found.lines(path, outer)
        before = found.tensors.get((here, ref))
        layer = (*here, inner.nodes[ref.node].layer)
        if before is not None:  # called once more
            why = Reason(f"`{'/'.join(here)}` is called on both", here)
            for one, other in zip(before, axes, strict=True):
                if one is not None and other is not None:
                    found.record.unite(one, other, why)
                elif one is not None or other is not None:
                    found.record.mark(one if one is not None else other, "pinned", why)  # type: ignore[arg-type]
        found.tensors[here, ref] = axes
        found.arguments[layer] = {"batch_shape": _batch_shape(_shape(inner, ref), axes)}
    _through(found, inner, here, tied)
    return [found.lines(here, ref) for ref in inner.output_refs]


def _batch_shape(shape: Shape, axes: Axes) -> Argument:
    return lambda number: (
        None,
        *(size if line is None else number(line) for size, line in zip(shape, axes, strict=True)),
    )


def _called(found: Walk, graph: Graph, node: Node, path: LayerPath, tied: bool) -> list[Axes]:
    """The lines that a call puts out; none, and what comes in pinned, where no rule understands it."""
    layer, record = graph.layers[node.layer], found.record
    masks = [found.lines(path, ref) for ref in node.inputs if ref not in node.data_inputs]
    shapes = [each.shape[1:] for each in node.outputs]
    call = _call(found, graph, node, path, tied)
    if any(line is not None for axes in masks for line in axes):  # what it masks is to keep the mask's size
        for line in (*chain.from_iterable(masks), *chain.from_iterable(axes[:-1] for axes in call.ins)):
            call.mark(line, "pinned", "takes a mask that has channels")
    start, rule = record.size, rule_for(layer)
    try:
        if rule is None:
            raise NoRule(UNKNOWN)
        if (name := _sized(call.config)) is not None:
            raise NoRule(f"has in its `{name}` a number for each")
        if rule is not elementwise and any(map(_is_array, _leaves((call.args, call.kwargs)))):
            raise NoRule("takes a constant that may have a number for each channel")
        outs = rule(call)
        if (name := call.unclaimed()) is not None:
            raise NoRule(f"has a variable `{name}` that its class has not")
        if not _fits(outs, shapes):
            raise NoRule("puts out another shape than its rule says")
    except (NoRule, KeyError, IndexError, TypeError, ValueError) as error:  # arguments that are not as Keras's are
        record.back_to(start)
        does = str(error) if isinstance(error, NoRule) else UNKNOWN
        found.ruleless[call.path] = does
        lines = [line for axes in (*call.ins, *masks) for line in axes]
        lines += [use.line for key, use in record.uses.items() if key[0] == call.path]
        for line in lines:
            call.mark(line, "pinned", does)
        return [(None,) * len(shape) for shape in shapes]
    if call.arguments:
        found.arguments[call.path] = call.arguments
    return outs


def _call(found: Walk, graph: Graph, node: Node, path: LayerPath, tied: bool) -> Call:
    layer: LayerSpec = graph.layers[node.layer]
    config: Mapping[str, object] = arguments_of(layer)
    return Call(
        found.record,
        (*path, node.layer),
        str(layer.config.get("class_name", layer.class_name)),
        config,
        [found.lines(path, ref) for ref in node.data_inputs],
        [_shape(graph, ref) for ref in node.data_inputs],
        [each.shape[1:] for each in node.outputs],
        None if layer.is_new and layer.variables is None else dict(enumerate(layer.variables or ())),
        node.args,
        node.kwargs,
        tied,
    )


def _sized(config: Mapping[str, object]) -> str | None:
    """The initializer or the like that says all numbers of a variable, and so its size: Keras could make no other."""
    for key, value in config.items():
        if not isinstance(value, Mapping) or not isinstance(told := value.get("config"), Mapping):
            continue
        if value.get("class_name") == "Constant" and not isinstance(told.get("value"), int | float):
            return key
        if key in ("layer", "backward_layer") and (inside := _sized(told)) is not None:
            return inside
    return None


def _leaves(structure: Structure) -> Iterator[Any]:
    if isinstance(structure, Mapping):
        structure = list(structure.values())
    if isinstance(structure, list | tuple):
        for each in structure:
            yield from _leaves(each)
    else:
        yield structure


def _is_array(value: Any) -> bool:
    return bool(getattr(value, "shape", ()))


def _shape(graph: Graph, ref: ValueRef) -> Shape:
    spec = graph.spec_of(ref)
    return () if spec is None else spec.shape[1:]


def _fits(outs: list[Axes], shapes: list[Shape]) -> bool:
    """Whether lines are as long as the axes that they lie along."""
    return len(outs) == len(shapes) and all(
        len(axes) == len(shape)
        and all(line is None or len(line) == size for line, size in zip(axes, shape, strict=True))
        for axes, shape in zip(outs, shapes, strict=True)
    )
