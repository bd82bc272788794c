"""Diagnostics in a cell of a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from spec_compiler.diagnostics.cells import Markup, badge, code, element, joined, said, text
from spec_compiler.diagnostics.excerpt import excerpt

if TYPE_CHECKING:
    from spec_compiler.diagnostics.diagnostic import Diagnostic


def all_of(diagnostics: Sequence[Diagnostic]) -> Iterator[Markup]:
    """One below the other."""
    if not diagnostics:
        yield element("p", badge("nothing to say", "good"), " no errors, no warnings")
    yield from map(_one, diagnostics)


def _one(diagnostic: Diagnostic) -> Markup:
    where = excerpt(diagnostic)[1]
    kind = "warning" if diagnostic.severity == "warning" else "error"
    head = badge(f"{kind} {diagnostic.code}", "warn" if kind == "warning" else "bad")
    parts = [element("p", head, " ", said(diagnostic.message))]
    if where:
        *lines, last = where
        before, carets = (last, "") if not last.endswith("^") else (last.rstrip("^"), last[len(last.rstrip("^")) :])
        marked = joined((text(before), element("span", carets, kind="caret") if carets else ""))
        parts.append(code(Markup("\n".join([*map(text, lines), marked]))))
    parts += [element("p", element("i", "note: "), said(note), kind="muted") for note in diagnostic.notes]
    if diagnostic.help:
        parts.append(element("p", element("b", "help: "), said(diagnostic.help)))
    return element("div", *parts, kind=f"diagnostic {kind}")
