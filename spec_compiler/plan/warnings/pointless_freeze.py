"""SC313: elements of a `freeze` or `unfreeze` that find only layers without weights."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.edits.freeze import Freeze
from spec_compiler.edits.unfreeze import Unfreeze
from spec_compiler.graph.reached import reached
from spec_compiler.graph.resolve import resolve_term
from spec_compiler.language.selectors import Selector
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec


def pointless_freeze(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """One warning for each element, of the two sections and of each phase's."""
    for path, selector in _selectors(spec):
        try:
            graph, selector = reached(selector, plan.after)
        except SpecError:  # a later step took them away, or gave them other names
            continue
        for term in selector.terms:
            try:
                layers = list(dict.fromkeys(graph.nodes[name].layer for name in resolve_term(term, graph)))
            except SpecError:
                continue
            if any(graph.layers[name].weights for name in layers):
                continue
            whose = f"`{layers[0]}` has" if len(layers) == 1 else f"the {len(layers)} layers of `{term.text}` have"
            word = "freezing" if path[-1] == "freeze" else "unfreezing"
            message = f"{whose} no weights, {word} changes nothing"
            yield Diagnostic("SC313", message, (*path, *term.path), help="leave it out, or name layers with weights")


def _selectors(spec: Spec) -> Iterator[tuple[Path, Selector]]:
    for path, freeze in spec.said(Freeze):
        if freeze.root.selector is not None:
            yield path, freeze.root.selector
    yield from ((path, unfreeze.root) for path, unfreeze in spec.said(Unfreeze))
    for index, phase in enumerate(spec.train):
        if phase.freeze is not None and phase.freeze.selector is not None:
            yield ("train", index, "freeze"), phase.freeze.selector
        if phase.unfreeze is not None:
            yield ("train", index, "unfreeze"), phase.unfreeze
