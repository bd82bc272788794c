"""A verification in a cell of a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from spec_compiler.diagnostics.cells import Markup, badge, cards, element, folded, heading, said, table
from spec_compiler.diagnostics.shown import all_of

if TYPE_CHECKING:
    from spec_compiler.reproducing.verification import LayerState, Verification


def shown(found: Verification) -> Iterator[Markup]:
    """Whether it is what the spec makes, what is not, and every layer folded away."""
    word = badge("as the spec makes it", "good") if found else badge("drifted", "bad")
    yield heading(found.model, element("span", f"beside {found.spec}"), word)
    yield cards(
        (state, f"{count:,}", "variables" if count > 1 else "variable") for state, count in found.counts.items()
    )
    if found.drift:
        yield from all_of(found.drift)
    for note in found.notes:
        yield element("p", said(note), kind="muted")
    rows = [_row(each) for each in found.layers]
    yield folded(f"{len(rows)} layers", table(("layer", "class", "weights", ""), rows))


def _row(layer: LayerState) -> tuple[object, ...]:
    told = badge("drifted", "bad") if layer.is_drifted else ""
    what = "; ".join([*layer.states, *layer.drift]) or "no weights"
    return element("code", layer.name), layer.class_name, what, told
