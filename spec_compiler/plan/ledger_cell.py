"""The weight ledger in a cell of a notebook: totals, every row that says more than copied, and the rest folded away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from spec_compiler.diagnostics.cells import Kind, Markup, badge, cards, code, element, folded, heading, said, table
from spec_compiler.plan.contracted import row as contract_row

if TYPE_CHECKING:
    from spec_compiler.graph.adapter import Contract
    from spec_compiler.plan.ledger import LedgerRow, WeightAction, WeightLedger

_KINDS: dict[WeightAction, Kind] = {"copied": "", "adapted": "changed", "initialized": "new", "dropped": "dropped"}


def shown(ledger: WeightLedger) -> Iterator[Markup]:
    """The whole ledger."""
    yield heading("Weights", f"{ledger.num_base_variables:,} variables in the base")
    yield from totals(ledger)
    told = [row for row in ledger if row.action != "copied"]
    if told:
        yield _rows(told)
    copied = ledger.of("copied")
    if copied:
        count = f"{len(copied):,} copied variable{'s' if len(copied) > 1 else ''}, with checksums"
        yield folded(count, _rows(copied))


def totals(ledger: WeightLedger) -> Iterator[Markup]:
    """How many variables became what, what was left over, and the proof."""
    yield cards(
        (action, f"{len(rows):,}", f"{ledger.num_parameters(action):,} parameters")
        for action in _KINDS
        if (rows := ledger.of(action))
    )
    if ledger.proof is not None:
        if ledger.proof.layers or ledger.proof.contracts:
            yield element("p", badge("proven", "good"))
        lines = ledger.proof.text.split("\n")
        yield element("p", said(" ".join(line for line in lines if not line.startswith("  "))))
        if ledger.proof.contracts:
            yield code("\n".join(line.strip() for line in lines if line.startswith("  ")))
    if ledger.unused:
        yield element("p", f"In the file and not used: {', '.join(ledger.unused)}.", kind="muted")
    if ledger.unverified:
        text = f"Without a checksum in their format: {', '.join(ledger.unverified)}."
        yield element("p", text, kind="muted")


def promised(contracts: Sequence[Contract]) -> Iterator[Markup]:
    """What is made of the base's weights, and what that preserves; nothing where nothing is."""
    if contracts:
        yield table(("weights of", "strategy", "made so", "preserves"), [contract_row(each) for each in contracts])


def _rows(rows: Sequence[LedgerRow]) -> Markup:
    return table(("layer", "variable", "shape", "parameters", "", "why"), [_row(each) for each in rows], numbers=(3,))


def _row(row: LedgerRow) -> tuple[object, ...]:
    name = element("code", row.variable)
    why = f"{row.reason}: {row.formula}" if row.formula else row.reason
    checksum = element("code", row.result_checksum[:8]) if row.action == "copied" and row.result_checksum else ""
    action = badge(row.action, _KINDS[row.action])
    return element("code", row.layer), name, str(row.shape), f"{row.parameters:,}", action, checksum or said(why)
