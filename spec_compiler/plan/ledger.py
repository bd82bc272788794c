"""The weight ledger: one row for every variable of the base and of the result, and why it is what it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from spec_compiler.graph.adapter import Contract
from spec_compiler.plan.listing import Listing
from spec_compiler.plan.proof import Proof

FORMAT_VERSION = 1
WeightAction = Literal["copied", "adapted", "initialized", "dropped"]


@dataclass(frozen=True, slots=True, repr=False)
class LedgerRow:
    """What became of one variable.

    `source` says where a copied one was read, or all that an adapted one was made of. The checksums are XXH3 (128 bits)
    of its bytes as read and in the result; of a copied one they are equal unless the reason names a cast. `formula` is
    how an adapted one was made. `parameters` is 0 for the state of a random generator.

    Attributes:
        layer: its name in the result; in the base where it is dropped.
        variable: its name in the layer.
        action: `copied`, `adapted`, `initialized` or `dropped`.
        reason: why.
        shape: of the variable.
        dtype: of the variable.
        parameters: how many numbers; 0 of the state of a random generator.
        source: where a copied one was read, or all that an adapted one was made of.
        source_checksum: XXH3 (128 bits) of its bytes as they were read.
        result_checksum: the same of those in the result.
        is_new: whether it is of a layer that the spec made.
        formula: how an adapted one was made.
        is_state: whether it is no variable, but what a layer knows besides.
    """

    layer: str
    variable: str
    action: WeightAction
    reason: str
    shape: tuple[int, ...]
    dtype: str
    parameters: int
    source: str | None = None
    source_checksum: str | None = None
    result_checksum: str | None = None
    is_new: bool = False  # a variable of a layer that the spec made
    formula: str | None = None
    is_state: bool = False  # no variable: what a layer knows besides, `variable` says what

    def __repr__(self) -> str:
        return f"<{self.layer}/{self.variable} {self.shape}: {self.action}, {self.reason}>"


@dataclass(frozen=True, repr=False)
class WeightLedger:
    """All rows, the result's variables first and in its order, then the dropped ones of the base.

    `unused` names what a mapped checkpoint holds and no layer took. `proof` is there where it was asked for.
    `unverified` names the files that weights were copied from and whose format has no checksum, so that a bit which was
    flipped before they were read would not be found. `contracts` say what adapted weights preserve.

    Attributes:
        rows: of the result's variables in its order, then of the dropped ones of the base.
        num_base_variables: how many variables the base has.
        unused: what a mapped checkpoint holds and no layer took.
        proof: what was compared with what, where it was asked for.
        unverified: files that weights were copied from and whose format has no checksum.
        contracts: what adapted weights preserve.
    """

    rows: tuple[LedgerRow, ...]
    num_base_variables: int
    unused: tuple[str, ...] = ()
    proof: Proof | None = None
    unverified: tuple[str, ...] = ()
    contracts: tuple[Contract, ...] = ()

    def __post_init__(self) -> None:
        # As dataclasses' own `__init__` sets the fields of a frozen one.
        object.__setattr__(self, "rows", Listing(self.rows))

    def __repr__(self) -> str:
        return f"<WeightLedger: {self.summary}>"

    def __iter__(self) -> Iterator[LedgerRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, action: WeightAction) -> tuple[LedgerRow, ...]:
        """The rows with this action."""
        return Listing(row for row in self.rows if row.action == action)

    def num_parameters(self, action: WeightAction) -> int:
        """The parameters of the rows with this action."""
        return sum(row.parameters for row in self.of(action))

    @property
    def without_weights(self) -> tuple[str, ...]:
        """The kept layers of which the base's weights leave out a variable."""
        rows = (row for row in self.of("initialized") if not row.is_new and row.parameters)
        return tuple(dict.fromkeys(row.layer for row in rows))

    @property
    def summary(self) -> str:
        """The totals in one line: `copied 22 of 26 variables, 14,675,968 parameters; initialized 2; dropped 4`."""
        kept = [row for row in self.of("copied") if not row.is_new and not row.is_state]
        filled = [row for row in self.of("copied") if row.is_new]
        text = f"copied {len(kept)} of {self.num_base_variables} variables"
        text += f", {sum(row.parameters for row in kept):,} parameters"
        if filled:
            text += f"; filled {len(filled)} new, {sum(row.parameters for row in filled):,} parameters"
        for action in ("adapted", "initialized", "dropped"):
            rows = self.of(action)
            if rows:
                text += f"; {action} {len(rows)}, {sum(row.parameters for row in rows):,} parameters"
        states = len({row.layer for row in self.rows if row.is_state})
        if states:
            text += f"; carried over the state of {states} layer{'s' if states > 1 else ''}"
        return text

    def _repr_html_(self) -> str:
        """What a notebook shows: totals, and the rows."""
        from spec_compiler.diagnostics.cells import cell  # a command shows no cell
        from spec_compiler.plan.ledger_cell import shown  # as above

        return cell(*shown(self))

    def to_json(self) -> dict[str, Any]:
        """The ledger as plain data; its schema is `schemas/ledger.schema.json`."""
        return {
            "format_version": FORMAT_VERSION,
            "num_base_variables": self.num_base_variables,
            "rows": [asdict(row) | {"shape": list(row.shape)} for row in self.rows],
            "unused": list(self.unused),
            "unverified": list(self.unverified),
            "contracts": [each.to_json() for each in self.contracts],
            "proof": None if self.proof is None else self.proof.to_json(),
        }
