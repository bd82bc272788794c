"""How many tensors a layer puts out: one for each entry of a spec, and as many as before where `set` changes it."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec


def count_errors(spec: LayerSpec, node: str, count: int, base: Graph) -> Iterator[Diagnostic]:
    """SC303 where a call puts out tensors that no entry could name, or no longer those that others take."""
    if spec.is_new:
        if count > 1 and spec.kind == "layer":
            message = f"the new layer `{spec.name}` puts out {count} tensors, no entry can say which of them it takes"
            yield Diagnostic("SC303", message, spec.origin.path, help="give it arguments that make it put out one")
        return
    before = len(base.nodes[node].outputs) if node in base.nodes else count
    if spec.changed_by is not None and spec.changed_by.section == "set" and count != before:
        message = f"`{spec.name}` would put out {count} tensors, in the base it puts out {before}"
        help = "`set` changes arguments, not what flows on: take the argument out"
        yield Diagnostic("SC303", message, (*spec.changed_by.path, "to"), help=help)
