"""Which tensors of a result stand for tensors of its base, where its layers keep what their adapters promise."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace

from spec_compiler.graph.equation import Array, Equation
from spec_compiler.graph.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.node import Node, ValueRef, map_references


@dataclass(frozen=True)
class Standing:
    """The tensor of the base that one of the result stands for.

    `equation` is the one whose `gives` says what of both is equal; None where all of it is. `rearranged` are its
    numbers where only a later layer puts them as the base has them, such as those of channels that are fewer.
    """

    tensor: ValueRef
    equation: Equation | None = None
    rearranged: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether all of it equals the base's as it is."""
        return self.equation is None and not self.rearranged


def standing(before: Graph, after: Graph, equations: Mapping[str, Equation]) -> dict[ValueRef, Standing]:
    """For each tensor of the result that the base has as well, which; `equations` are those of its layers.

    The base is under the names of the result.
    """
    found: dict[ValueRef, Standing] = {}
    zeros: set[str] = set()
    origins = {each.adapter.origin for each in after.layers.values() if each.adapter is not None}
    between = {each for equation in equations.values() for each in layers_between(before, after, equation)}
    for name, node in after.nodes.items():
        layer, equation = after.layers[node.layer], equations.get(node.layer)
        outputs = [ValueRef(name, index) for index in range(len(node.outputs))]
        if layer.kind == "input":
            was = before.nodes[name].outputs if name in before.nodes and not before.nodes[name].inputs else None
            is_fed = feeds(name, after, equations) is not None
            if was == node.outputs or (was is not None and is_fed):
                found[outputs[0]] = Standing(outputs[0], rearranged=is_fed)
        elif layer.adapter is not None:
            if equation is not None and equation.zeros:
                zeros.add(name)
            elif equation is not None and equation.whole:
                stands = _adapted(node, equation, before, after, found)
                found |= {outputs[0]: stands} if stands is not None else {}
        elif layer.is_new:
            addends = [ref for ref in node.inputs if ref.node not in zeros]
            if layer.class_name == "Add" and len(addends) == 1 and len(node.inputs) > 1 and addends[0] in found:
                found[outputs[0]] = found[addends[0]]
        elif (layer.cause is None or _follows(layer, origins)) and _is_same_call(node, before, found):
            rearranged = not all(found[ref].is_plain for ref in node.inputs)
            found |= {ref: Standing(ref, rearranged=rearranged) for ref in outputs}
        elif layer.name in between and len(node.inputs) == 1 and node.inputs[0] in found:
            passed = found[node.inputs[0]]  # what it does comes before or behind that
            alike = before.spec_of(passed.tensor) == after.spec_of(outputs[0])
            found[outputs[0]] = replace(passed, rearranged=not alike)
    return found


def layers_between(before: Graph, after: Graph, equation: Equation) -> tuple[str, ...]:
    """The layers that stand in the base between those of an equation; in the result they stand beside the new one."""
    named = {after.renamed.get(layer, layer) for layer in equation.layers}
    return tuple(layer for layer in _way(before, after, equation) if layer not in named)


def _way(before: Graph, after: Graph, equation: Equation) -> tuple[str, ...]:
    """The layers of an equation and those between them, under the names of the result."""
    way = [after.renamed.get(layer, layer) for layer in equation.layers[:1]]
    for layer in equation.layers[1:]:
        name = after.renamed.get(layer, layer)
        passed: list[str] = []
        node = before.nodes[before.calls[name][0]] if name in before.calls else None
        while (
            node is not None and len(node.data_inputs) == 1 and before.nodes[node.data_inputs[0].node].layer != way[-1]
        ):
            node = before.nodes[node.data_inputs[0].node]
            passed.insert(0, node.layer)
        way += [*passed, name]
    return tuple(way)


def feeds(name: str, graph: Graph, equations: Mapping[str, Equation]) -> Callable[[Array], Array] | None:
    """What of an input of the result the base's input takes, as an adapted layer behind it says; None: none says so."""
    layers = {graph.nodes[each].layer for each in graph.descendants([name])}
    said = (equation.feeds for layer, equation in equations.items() if layer in layers)
    return next((each for each in said if each is not None), None)


def compared(before: Graph, after: Graph, equations: Mapping[str, Equation]) -> dict[ValueRef, Standing]:
    """The last of the tensors behind adapted layers that can be compared with the base's."""
    adapted = [name for name, node in after.nodes.items() if _layer(after, node).adapter is not None]
    behind = after.descendants(adapted)
    found = standing(before, after, equations)
    seen = {ref: each for ref, each in found.items() if ref.node in behind and not each.rearranged}
    stand, nodes, ends = {ref.node for ref in found}, {ref.node for ref in seen}, set(after.output_refs)
    leads: set[str] = set()  # those behind which, or at which, something is compared
    for name in reversed(list(after.nodes)):
        if name in nodes or (name in stand and any(user in leads for user in after.consumers[name])):
            leads.add(name)

    def is_last(ref: ValueRef) -> bool:
        users = after.consumers[ref.node]
        return ref in ends or any(user not in stand for user in users) or not any(user in leads for user in users)

    return {ref: each for ref, each in seen.items() if is_last(ref)}


def _layer(graph: Graph, node: Node) -> LayerSpec:
    return graph.layers[node.layer]


def _follows(layer: LayerSpec, origins: Container[Origin | None]) -> bool:
    """Whether the edit that adapts others gave a layer other sizes, as to a Reshape between them."""
    return not layer.is_new and not layer.variables and layer.changed_by in origins


def _adapted(
    node: Node, equation: Equation, before: Graph, after: Graph, found: Mapping[ValueRef, Standing]
) -> Standing | None:
    """What an adapted call stands for: the last of the base's calls that its equation names, on what it stands on."""
    taken = [found[ref].tensor for ref in node.data_inputs if ref in found]
    if not taken or len(taken) < len(node.data_inputs):
        return None
    if not equation.layers:
        first = found[node.data_inputs[0]]
        if equation.takes is not None:  # copies come in, of which it makes what the base has
            alike = before.spec_of(first.tensor) == after.spec_of(ValueRef(node.name))
            first = Standing(first.tensor, rearranged=equation.rearranged or not alike)
        return first if equation.gives is None else None
    for layer in _way(before, after, equation):
        calls = before.calls.get(layer, ())
        call = next((each for each in calls if list(before.nodes[each].data_inputs) == taken), None)
        if call is None:
            return None
        taken = [ValueRef(call)]
    if equation.gives is not None:
        return Standing(taken[0], equation)
    return Standing(
        taken[0], rearranged=equation.rearranged or before.spec_of(taken[0]) != after.spec_of(ValueRef(node.name))
    )


def _is_same_call(node: Node, before: Graph, found: Mapping[ValueRef, Standing]) -> bool:
    """Whether the base calls the same layer on the tensors that those of this call stand for."""
    was = before.nodes.get(node.name)
    if was is None or was.layer != node.layer or any(ref not in found for ref in node.inputs):
        return False
    args, kwargs = (map_references(each, lambda ref: found[ref].tensor) for each in (node.args, dict(node.kwargs)))
    return bool(args == was.args and kwargs == dict(was.kwargs))
