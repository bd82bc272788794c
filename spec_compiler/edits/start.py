"""`start_at`: what a layer takes becomes the model's input, and what only served earlier layers goes.

It comes before all other sections, so that `input` is about the new input: its name, another shape, a preprocessing.
As `keras.Model(layer.input, model.output)`, whoever else takes the same tensor takes the new input too. What still
needs an earlier one is told after all sections, as a later `cut_at` or `outputs` may take it away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from spec_compiler.diagnostics import Diagnostic, Fix, Path, SpecError
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.new_names import unused_name
from spec_compiler.graph import Graph
from spec_compiler.graph.keras_names import flat
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.node import Node, Structure, ValueRef, filtered, map_references, references
from spec_compiler.graph.resolve import resolve_one
from spec_compiler.language.section import Value
from spec_compiler.language.selectors import Selector


class StartAt(Value, Edit):
    """The layer whose input becomes the model's input; layers in front of it go."""

    key: ClassVar = "start_at"
    says: ClassVar = "The layer that the model begins with; what comes in front of it goes."
    names: ClassVar = ("",)

    root: Selector = Field(examples=["block2_conv1"])

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph from the layer on, on an input of the shape and dtype that it takes in the base."""
        name = resolve_one(self.root, graph, "`start_at`")
        ref = _only_input(graph, name)
        earlier = graph.ancestors([ref.node])
        origin = Origin("start_at", path)
        if graph.layer_of(ref.node).kind == "input":
            message = f"`start_at: {self.root.text}` cuts nothing, it takes an input of the model already"
            return replace(graph, warnings=(*graph.warnings, Diagnostic("SC313", message, path, help="remove it")))
        if not graph.nodes[ref.node].outputs:
            made = graph.layer_of(ref.node)
            message = f"`{name}` takes the new layer `{made.name}`, whose shape is known once the model is built"
            help = f"move this step above `{made.origin.place}`, or begin with a layer that takes one of the base"
            raise SpecError.single("SC303", message, help=help, related=[("it is made here", made.origin.path)])
        input = _input(graph, name, ref, origin)
        node = Node(input.name, input.name, outputs=(graph.nodes[ref.node].outputs[ref.index],))
        begun = graph.spliced(
            origin,
            layers=[input],
            after={ref.node: [node]},
            rewire=dict.fromkeys(graph.edges_from(ref), ValueRef(node.name)),
        )
        inputs = _begun(graph.inputs, earlier, ValueRef(node.name))
        return replace(begun, inputs=inputs, idle=graph.idle - earlier).pruned(origin)


def _only_input(graph: Graph, name: str) -> ValueRef:
    """The one tensor that a call takes.

    Raises:
        SpecError: SC303 for an input, and for a call that takes several.
    """
    taken = list(dict.fromkeys(graph.nodes[name].data_inputs))
    if not taken:
        help = None
        if len(graph.consumers[name]) == 1:
            help = f"name the layer after it, `{graph.consumers[name][0]}`, or leave `start_at` out"
        raise SpecError.single("SC303", f"`{name}` is an input of the model, nothing comes before it", help=help)
    if len(taken) > 1:
        names = " and ".join(f"`{ref.node}`" for ref in taken[:3]) + (" …" if len(taken) > 3 else "")
        message = f"`{name}` takes {len(taken)} tensors, {names}, the model would begin with several"
        after = next((user for user in graph.consumers[name] if len(set(graph.nodes[user].data_inputs)) == 1), None)
        help = f"begin after it, for example at `{after}`" if after is not None else "begin at a layer with one input"
        raise SpecError.single("SC303", message, help=help)
    return taken[0]


def _input(graph: Graph, name: str, ref: ValueRef, origin: Origin) -> LayerSpec:
    """The new input, called after the layer that begins the model."""
    spec = graph.nodes[ref.node].outputs[ref.index]
    arguments = {"batch_shape": list(spec.shape), "dtype": spec.dtype}
    called = unused_name(graph, f"{flat(graph.nodes[name].layer)}_input")
    config = {"module": "keras.layers", "class_name": "InputLayer", "config": arguments, "registered_name": None}
    return LayerSpec(called, "InputLayer", config, "input", variables=(), origin=origin)


def _begun(inputs: Structure, earlier: set[str], new: ValueRef) -> Structure:
    """The model's inputs: the first of those that the layer depends on becomes the new one, the others go."""
    before = [ref for ref in references(inputs) if ref.node in earlier]
    first, rest = before[0], before[1:]
    if rest:
        inputs = filtered(inputs, {ref.node for ref in references(inputs)} - {ref.node for ref in rest})
    if isinstance(inputs, Mapping):  # data is fed by an input's name
        inputs = {new.node if ref == first and key == first.node else key: ref for key, ref in inputs.items()}
    return map_references(inputs, lambda ref: new if ref == first else ref)


def check_begun(graph: Graph, before: Graph) -> Graph:
    """The graph after an edit itself, which still begins where a `start_at` says; `before` is that before the edit.

    Raises:
        SpecError: SC302 for an edit that leaves only what comes before it.
    """
    begun = [layer for ref in before.input_refs if (layer := before.layer_of(ref.node)).origin.section == "start_at"]
    if not begun or any(layer.name in graph.layers for layer in begun):
        return graph
    inputs = {ref.node for ref in graph.input_refs}
    earlier = [name for name in graph.nodes if graph.layer_of(name).kind == "input" and name not in inputs]
    if not earlier:
        return graph
    around = graph.descendants(earlier)
    output = next(ref.node for ref in graph.output_refs if ref.node in around)
    raise SpecError.single(
        "SC302",
        f"`{output}` no longer has an input: it comes from before `start_at`",
        help=f"name a layer behind it, or leave `start_at` out: `{output}` needs the input of the base",
        related=[(f"`{begun[0].origin.place}` is here", begun[0].origin.path)],
    )


def check_start(graph: Graph, before: Graph) -> Graph:
    """The edited graph itself, no layer of which needs what comes before a `start_at`; `before` is the base's.

    Raises:
        SpecError: SC302.
    """
    inputs = [ref.node for ref in graph.input_refs]
    earlier = [name for name in graph.nodes if graph.layer_of(name).kind == "input" and name not in inputs]
    if not earlier:
        return graph
    sections = {graph.layer_of(name).origin.section: name for name in reversed(inputs)}
    begin = sections.get("start_at") or sections["inputs"]  # which may have taken its place
    path = graph.layer_of(begin).origin.path
    after, around = graph.descendants([begin]), graph.descendants(earlier)
    join = next((name for name in graph.nodes if name in after and name in around), None)
    if join is not None:
        needed = next(ref.node for ref in graph.nodes[join].inputs if ref.node in around and ref.node not in after)
        message = f"`{join}` needs `{needed}` as well, which no longer has an input: it comes from before `start_at`"
    else:
        output = next(ref.node for ref in graph.output_refs if ref.node in around)
        message = f"the model's output `{output}` no longer has an input: it comes from before `start_at`"
    earliest = _common_start(graph, before.under_names_of(graph), graph.consumers[begin][0])
    fixes = (Fix(f"begin earlier, with `start_at: {earliest}`", ((path, earliest),)),) if earliest else ()
    help = "begin where one tensor is all that later layers need, or let `outputs` name what follows alone"
    raise SpecError.single("SC302", message, path=path, help=help, fixes=fixes)


def _common_start(graph: Graph, before: Graph, name: str) -> str | None:
    """The last layer before the one that was named at which the model could begin; None where there is none."""
    kept = [each for each in graph.nodes if each in before.nodes]
    for each in reversed(before.in_order(before.ancestors([name]))):
        taken = list(dict.fromkeys(before.nodes[each].data_inputs))
        if len(taken) != 1 or before.layer_of(taken[0].node).kind == "input":
            continue
        earlier = before.ancestors([taken[0].node])
        needed = before.ancestors((name for name in kept if name not in earlier), without=taken[0])
        if not any(before.layer_of(name).kind == "input" and name in earlier for name in needed):
            return each
    return None
