"""SC310: a `freeze` or `unfreeze` that changes nothing: of no weight, or of what a phase begins with as it is.

Once a phase's `freeze` meant that all others train: where that makes a difference, the help says how it is written.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from spec_compiler.diagnostics import Advice, Diagnostic, Path, SpecError
from spec_compiler.diagnostics.advice import Rename, Write
from spec_compiler.edits.freeze import Freeze
from spec_compiler.edits.freezing import Freezing, chosen, normalizes, unfrozen
from spec_compiler.edits.unfreeze import Unfreeze
from spec_compiler.graph import Graph
from spec_compiler.graph.trainable import flags, layer_at
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.language.selectors import Selector
from spec_compiler.spec import Spec

_START = "a phase begins with what the sections `freeze` and `unfreeze` leave, whatever the phases before it did"


def pointless_sections(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    """A problem for each of the two sections whose layers have no weights."""
    selectors = [(path, each.root.selector) for path, each in spec.said(Freeze) if each.root.batch_norm == "selected"]
    selectors += [(path, each.root) for path, each in spec.said(Unfreeze)]
    for path, selector in selectors:
        with contextlib.suppress(*([SpecError] if spec.steps else [])):  # a later step took them away
            yield from list(_weightless(selector, graph, path))


def pointless_in_phase(spec: Spec, graph: Graph, index: int) -> Iterator[Diagnostic]:
    """A problem for each of the two keys of a phase that leaves everything as it is."""
    phase, path = spec.train[index], ("train", index)
    frozen = graph
    if phase.freeze is not None:
        frozen = phase.freeze.apply(graph)
        if phase.freeze.batch_norm == "selected":
            yield from _weightless(phase.freeze.selector, graph, (*path, "freeze"))
        if phase.unfreeze is None and flags(frozen) == flags(graph):
            yield from _others_stay(spec, frozen, phase.freeze, (*path, "freeze"))
    if phase.unfreeze is not None:
        if problems := [*_weightless(phase.unfreeze, frozen, (*path, "unfreeze"))]:
            yield from problems
        elif flags(unfrozen(phase.unfreeze, frozen)) == flags(frozen):
            message = f"all that `{phase.unfreeze.text}` matches can train already, `unfreeze` changes nothing"
            if frozen.inference and not all(flags(frozen).values()):
                message = (
                    f"`batch_norm: all` keeps what `{phase.unfreeze.text}` matches frozen, or it can train already"
                )
            help = "leave it out, or write the section `freeze: base`, which every phase begins with"
            yield Diagnostic("SC310", message, (*path, "unfreeze"), notes=(_START,), help=help)


def _weightless(selector: Selector | None, graph: Graph, path: Path) -> Iterator[Diagnostic]:
    if selector is not None and not any(layer_at(graph, name).weights for name in chosen(selector, graph)):
        message = f"none of the selected layers has weights, `{path[-1]}` changes nothing"
        yield Diagnostic("SC310", message, path, help="name layers with weights")


def _others_stay(spec: Spec, graph: Graph, freeze: Freezing, path: Path) -> Iterator[Diagnostic]:
    """A problem where more is frozen than a phase's `freeze` says; `graph` is as it leaves it, and found it."""
    names, frozen = freeze.frozen(graph), [name for name, trains in flags(graph).items() if not trains]
    others = [name for name in frozen if not any(name == each or name.startswith(f"{each}/") for each in names)]
    if graph.inference:
        others = [name for name in others if not normalizes(layer_at(graph, name).class_name)]
    if not others:
        return
    text = freeze.selector.text if freeze.selector is not None else "batch_norm: all"
    count = f"`{others[0]}`" + (f" and {len(others) - 1} more" if len(others) > 1 else "")
    yield Diagnostic(
        "SC310",
        f"all that `{text}` matches is frozen already, and so {'is' if len(others) == 1 else 'are'} {count}",
        path,
        notes=(_START,),
        help=_unfreeze_the_rest(spec, graph, freeze, others),
    )


def _unfreeze_the_rest(spec: Spec, graph: Graph, freeze: Freezing, others: list[str]) -> str:
    """The `unfreeze` that trains what `freeze` does not name, tried; a word where it is not that simple."""
    section = spec.section(Freeze)
    whole, kept = _plain(section.root.selector if section else Selector.parse("base")), _plain(freeze.selector)
    if whole is not None and kept is not None:
        value: Mapping[str, Any] = {"layers": whole, "except": kept}
        now = flags(unfrozen(Selector.parse(value), graph))
        if now == {name: trains or name in others for name, trains in flags(graph).items()}:
            said = f"to train the others write `unfreeze: {flow(value)}`"
            if freeze.batch_norm == "all":
                return f"{said} beside it"
            return Advice(f"{said} in its place", Write(value), Rename("unfreeze"))
    return "name in `unfreeze` what this phase is to train"


def _plain(selector: Selector | None) -> str | list[str] | None:
    """A selector as it is written, where it is a text or a list of texts."""
    if selector is None or selector.excluded is not None or selector.where or selector.expect is not None:
        return None
    texts = [term.text for term in selector.terms]
    return texts[0] if len(texts) == 1 else texts
