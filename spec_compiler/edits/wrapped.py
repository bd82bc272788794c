"""`TimeDistributed: {layer: enc}`: a new layer around one that is there, whose weights stay.

The new layer takes the kept one inside of it, with all that it knows; so the kept one is called no more by itself. An
edit leaves the name among the arguments, as no entry knows what a graph has, and it is looked up once the edit is done.
"""

from __future__ import annotations

from dataclasses import replace

from spec_compiler.diagnostics import Path, SpecError, near
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.node import filtered
from spec_compiler.graph.unresolved import no_layer
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.argument_checks import check_entry

ARGUMENT = "layer"  # of Keras's wrappers


def wrapped(graph: Graph, before: Graph) -> Graph:
    """The graph after an edit, each new layer that names another in place of a class with that layer inside of it.

    Raises:
        SpecError: SC201 or SC202 for a name that is neither, SC303 for a layer that is called elsewhere too, or that
            shares its weights; with paths from the root of the spec.
    """
    for layer in graph.layers.values():
        if layer.is_new and layer.wrapped is None and isinstance(layer.arguments.get(ARGUMENT), str):
            name = layer.arguments[ARGUMENT]
            if not _is_class(name) and catalogue.argument_kind(layer.class_name, ARGUMENT, "layer") == "layer":
                graph = _wrapped(graph, before, layer, name)
    return graph


def _is_class(name: str) -> bool:
    return ">" in name or catalogue.class_record(name, "layer") is not None


def _wrapped(graph: Graph, before: Graph, outer: LayerSpec, name: str) -> Graph:
    path = (*outer.origin.path, outer.class_name, ARGUMENT)
    inner = graph.layers.get(name) or before.layers.get(name)  # a replacement may wrap what it replaces
    if inner is None:
        raise _unknown(name, graph, path)
    _check_kept(inner, outer, before, path)
    arguments = {key: value for key, value in outer.arguments.items() if key != ARGUMENT}
    trains = outer.trainable and inner.trainable
    kept = replace(outer.with_arguments(arguments), wrapped=inner, trainable=trains)
    graph = replace(graph, layers={**graph.layers, outer.name: kept})
    return _without_calls(graph, inner, outer, path) if name in graph.layers else graph


def _unknown(name: str, graph: Graph, path: Path) -> SpecError:
    """The error for a name that is neither a layer's nor a class's, by the nearer of the two."""
    if near(name, catalogue.layer_names()) and not near(name, graph.layers):
        return SpecError(check_entry(name)).under(*path)
    return no_layer(name, graph, path)


def _check_kept(inner: LayerSpec, outer: LayerSpec, before: Graph, path: Path) -> None:
    if inner.is_new:
        message = f"`{inner.name}` is new, a `{outer.class_name}` by name takes a layer of the base"
        help = f"write it inside: `{outer.class_name}: {{layer: {{{inner.class_name}: {{…}}}}}}`"
        raise SpecError.single("SC303", message, path=path, help=help)
    if not inner.can_train:
        message = f"`{inner.name}` is {'an input' if inner.kind == 'input' else 'a plain operation'}, no layer to wrap"
        raise SpecError.single("SC303", message, path=path)
    if inner in before.tied_layers or any(inner is each.wrapped for each in before.layers.values()):
        message = f"`{inner.name}` shares its variables with another layer, it cannot be wrapped alone"
        raise SpecError.single("SC303", message, path=path)


def _without_calls(graph: Graph, inner: LayerSpec, outer: LayerSpec, path: Path) -> Graph:
    """The graph less the calls of a layer by itself, and less what served only these."""
    calls = graph.calls[inner.name]
    user = next((user for call in calls for user in graph.consumers[call] if user not in calls), None)
    if user is not None or any(ref.node in calls for ref in graph.output_refs):
        where = f"`{user}` takes what it puts out" if user is not None else "the model puts it out"
        message = f"`{inner.name}` is wrapped by `{outer.name}`, and called by itself too: {where}"
        help = f"let that take `{outer.name}`, or take a second base for one of the two"
        raise SpecError.single("SC303", message, path=path, help=help)
    earlier = graph.ancestors(calls)
    others = [name for name in graph.nodes if name not in earlier]
    needed = graph.ancestors([*others, *(ref.node for ref in graph.output_refs)]) | graph.idle
    gone = earlier - needed
    inputs = filtered(graph.inputs, graph.nodes.keys() - gone)
    inputs = inputs[0] if isinstance(inputs, list | tuple) and len(inputs) == 1 else inputs
    return replace(graph, inputs=inputs).spliced(Origin(outer.origin.section, outer.origin.path), drop=gone)
