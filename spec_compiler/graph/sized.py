"""What a layer must know of its first call, once the shapes before that are known: `"${in.channels // 16}"`, say."""

from __future__ import annotations

from dataclasses import replace

from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.channels import channel_axis
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import Node
from spec_compiler.keras_facts.argument_checks import check_arguments
from spec_compiler.language.flow import NotKnown, filled_in, uses_flow


def knows_its_call(layer: LayerSpec, node: Node) -> bool:
    """Whether a layer stays as it is, whatever its first call takes: then nobody need put a graph together for it."""
    return layer.adapter is None and node.sized_by is None


def sized(layer: LayerSpec, node: Node, graph: Graph) -> LayerSpec:
    """The layer with its values filled in for the tensor that its first call names, whose shape the graph knows.

    Its adapter is told of the call too.

    Raises:
        SpecError: SC107 where they are then no values that the class takes, SC206 where the tensor is gone, SC401 where
            a size is asked for that is not fixed.
    """
    if layer.adapter is not None:
        layer = replace(layer, adapter=layer.adapter.placed(layer, node, graph))
    ref = node.sized_by
    if ref is None or not uses_flow(layer.arguments):
        return layer
    place = (*layer.origin.path, layer.class_name)
    tensor = graph.spec_of(ref) if ref.node in graph.nodes else None
    if tensor is None:
        message = f"what flowed into `{layer.name}` is no longer there, its sizes are not known"
        raise SpecError.single("SC206", message, path=place, help="write the numbers out")
    try:
        # the layers that are being made may read it otherwise, on purpose
        axis = channel_axis(graph, ref.node, before_first=True)
        arguments = filled_in(dict(layer.arguments), tensor.shape, axis)
    except NotKnown as error:
        message = f"{error}, what flows into `{layer.name}` is {tensor.shape}"
        help = "give `input` a fixed shape, or write the number"
        raise SpecError.single("SC401", message, path=place, help=help) from None
    problems = check_arguments(layer.class_name, arguments, kind="layer")
    if problems:
        note = f"what flows in is {tensor.shape}"
        raise SpecError(replace(each.under(*place), notes=(*each.notes, note)) for each in problems)
    return layer.with_arguments(arguments)
