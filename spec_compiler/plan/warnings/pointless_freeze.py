"""SC313: elements of a `freeze` that find only layers without weights."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.edits.freeze import Freeze
from spec_compiler.edits.freezing import Freezing
from spec_compiler.graph.resolve import resolve_term
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec


def pointless_freeze(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """One warning for each element, of the spec's `freeze` and of each phase's."""
    graph = plan.after
    for path, freezing in _freezes(spec):
        for term in freezing.selector.terms if freezing.selector is not None else ():
            try:
                layers = list(dict.fromkeys(graph.nodes[name].layer for name in resolve_term(term, graph)))
            except SpecError:  # a later step took them away, or gave them other names
                continue
            if any(graph.layers[name].weights for name in layers):
                continue
            whose = f"`{layers[0]}` has" if len(layers) == 1 else f"the {len(layers)} layers of `{term.text}` have"
            message = f"{whose} no weights, freezing changes nothing"
            yield Diagnostic("SC313", message, (*path, *term.path), help="leave it out, or name layers with weights")


def _freezes(spec: Spec) -> Iterator[tuple[Path, Freezing]]:
    yield from ((path, each.root) for path, each in spec.said(Freeze))
    for index, phase in enumerate(spec.train):
        if phase.freeze is not None:
            yield ("train", index, "freeze"), phase.freeze
