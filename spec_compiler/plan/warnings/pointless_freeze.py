"""SC313: elements of a `freeze` or `unfreeze` that find only layers without weights."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic, Path
from spec_compiler.graph.reached import reached
from spec_compiler.graph.resolve import resolve_term
from spec_compiler.language.selectors import Selector
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec


def pointless_freeze(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """One warning for each element, of the two sections and of each phase's."""
    for path, selector in _selectors(spec):
        graph, selector = reached(selector, plan.after)
        for term in selector.terms:
            layers = list(dict.fromkeys(graph.nodes[name].layer for name in resolve_term(term, graph)))
            if any(graph.layers[name].weights for name in layers):
                continue
            whose = f"`{layers[0]}` has" if len(layers) == 1 else f"the {len(layers)} layers of `{term.text}` have"
            word = "freezing" if path[-1] == "freeze" else "unfreezing"
            message = f"{whose} no weights, {word} changes nothing"
            yield Diagnostic("SC313", message, (*path, *term.path), help="leave it out, or name layers with weights")


def _selectors(spec: Spec) -> Iterator[tuple[Path, Selector]]:
    if spec.freeze is not None and spec.freeze.root.selector is not None:
        yield ("freeze",), spec.freeze.root.selector
    if spec.unfreeze is not None:
        yield ("unfreeze",), spec.unfreeze.root
    for index, phase in enumerate(spec.train):
        if phase.freeze is not None and phase.freeze.selector is not None:
            yield ("train", index, "freeze"), phase.freeze.selector
        if phase.unfreeze is not None:
            yield ("train", index, "unfreeze"), phase.unfreeze
