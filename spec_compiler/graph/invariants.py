"""What every graph must satisfy; run after every edit. A graph that does not is our bug, not the user's mistake."""

from __future__ import annotations

from dataclasses import replace

from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.graph import Graph, InvalidGraph
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.language.places import section_place

MAX_LAYERS = 5_000  # of a model that a spec makes, five times as many as the largest application has
MAX_PASSED = 100_000  # layers that all edits together pass over, each those of the model that it is given


def check_size(num_layers: int, path: Path = (), num_base_layers: int = 0) -> None:
    """Proves that a model has no more layers than a spec may make: a base of its own may have more, and be doubled.

    Raises:
        SpecError: SC113 at the path of what makes them.
    """
    most = max(MAX_LAYERS, 2 * num_base_layers)
    if num_layers > most:
        message = f"this makes a model of {num_layers:,} layers, {most:,} are the most"
        help = "an entry with `each` makes layers for every layer that it matches, those of entries before it too"
        raise SpecError.single("SC113", message, path=path, help=help if path[:1] != ("bases",) else None)


def check_work(num_passed: int) -> None:
    """Proves that the edits of a spec are not too many for a model of its size.

    Raises:
        SpecError: SC113.
    """
    if num_passed > MAX_PASSED:
        message = f"the edits up to here pass over more than {MAX_PASSED:,} layers, each over all of the model"
        help = "one entry may match many layers: `each`, a list, a pattern"
        raise SpecError.single("SC113", message, help=help)


def check_graph(graph: Graph, after: str) -> Graph:
    """The graph itself, proven sound.

    Every tensor that a node takes is put out by an earlier node, every node's layer exists and every layer is called,
    and every output depends on an input of the model.

    Raises:
        InvalidGraph: it does not hold; `after` names the edit that broke it.
    """
    seen: set[str] = set()
    for name, node in graph.nodes.items():
        if name != node.name:
            raise InvalidGraph(f"after {after}: node {node.name} stands under the name {name}")
        if node.layer not in graph.layers:
            raise InvalidGraph(f"after {after}: node {name} calls the layer {node.layer}, which is not there")
        for ref in node.inputs:
            if ref.node not in seen:
                raise InvalidGraph(f"after {after}: node {name} takes {ref.node}, which does not come before it")
        seen.add(name)
    for name, layer in graph.layers.items():
        if name != layer.name or name not in graph.calls:
            raise InvalidGraph(f"after {after}: the layer {name} is called by no node")
    for ref in (*graph.output_refs, *graph.input_refs):
        if ref.node not in seen:
            raise InvalidGraph(f"after {after}: the model names {ref.node}, which is not there")
    if not graph.output_refs or not graph.input_refs:
        raise InvalidGraph(f"after {after}: the model has no input or no output")
    return graph


def _unused(layer: LayerSpec) -> Diagnostic:
    if layer.kind == "input":
        help = f"let a layer take it, with `from: {layer.name}`, or remove it"
        message = f"nothing takes the new input `{layer.name}`"
        return Diagnostic("SC306", message, layer.origin.path, at_key=True, help=help)
    help = "name it in `outputs`, or in the `from:` of another layer"
    return Diagnostic("SC306", f"nothing uses the new layer `{layer.name}`", layer.origin.path, help=help)


def check_used(graph: Graph, is_last: bool = True) -> Graph:
    """The graph itself, every new layer of which serves an output; unless it `is_last`, a new input need not yet.

    Raises:
        SpecError: SC306 for each layer that the user asked for and that Keras would leave out without a word.
    """
    idle = (name for name in graph.idle if name in graph.nodes)
    of_base = frozenset(name for name in idle if not (is_last and graph.layer_of(name).is_new))
    graph = graph if of_base == graph.idle else replace(graph, idle=of_base)
    unused = [name for name in graph.nodes if name not in graph.used]
    problems = [_unused(graph.layer_of(name)) for name in unused if graph.layer_of(name).is_new]
    if problems:
        raise SpecError(problems)
    # Every edit but `head` prunes by itself; that one leaves it to `outputs`, which may still name what it goes past.
    if not unused:
        return graph
    origins = [layer.origin for layer in graph.layers.values() if layer.is_new] or [Origin("head", ("head",))]
    by = next((origin for origin in reversed(origins) if origin.section == "head"), origins[-1])
    return graph.pruned(Origin(by.section, section_place(by.path)))
