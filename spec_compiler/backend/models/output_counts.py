"""How many tensors a call puts out: as many as are taken of it, and as many as before where `set` changes its layer."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic, quoted
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import Node
from spec_compiler.keras_facts.output_counts import output_count


def count_errors(spec: LayerSpec, node: Node, count: int, base: Graph, graph: Graph) -> Iterator[Diagnostic]:
    """What is wrong with the outputs of a call.

    SC303 where something takes one of several without saying which, or a kept layer no longer puts out what others
    take, SC201 where one is taken that is not there.
    """
    if spec.is_new:
        users = (graph.nodes[user].inputs for user in graph.consumers[node.name])
        taken = {ref.index for refs in (*users, graph.output_refs) for ref in refs if ref.node == node.name}
        names = quoted(f"{node.name}.{index}" for index in range(min(count, 4)))
        known = output_count(spec.class_name, spec.arguments, node.kwargs)
        if count > 1 and spec.kind == "layer" and known != count and taken <= {0} and not spec.has_named_outputs:
            message = f"the new layer `{spec.name}` puts out {count} tensors, what takes them is to say which"
            yield Diagnostic("SC303", message, spec.origin.path, help=f"they are {names}")
        if taken and max(taken) >= count:
            outputs = f"{count} tensor{'s' if count > 1 else ''}"
            message = f"`{node.name}` puts out {outputs}, there is no `{node.name}.{max(taken)}`"
            help = f"write {names}" if count > 1 else f"write `{node.name}`"
            yield Diagnostic("SC201", message, spec.origin.path, help=help)
        return
    before = len(base.nodes[node.name].outputs) if node.name in base.nodes else count
    if spec.changed_by is not None and spec.changed_by.section == "set" and count != before:
        message = f"`{spec.name}` would put out {count} tensors, in the base it puts out {before}"
        help = "`set` changes arguments, not what flows on: take the argument out"
        yield Diagnostic("SC303", message, (*spec.changed_by.path, "to"), help=help)
