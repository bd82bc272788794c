"""Contracts in words: whose weights are made of the base's, how, and what that preserves."""

from __future__ import annotations

from collections.abc import Sequence

from spec_compiler.graph.adapter import Contract

_MOST_NAMES = 2


def whose(contract: Contract) -> str:
    """The layers of a contract, the first and the last of many.

    >>> from spec_compiler.graph.layer_spec import BASE
    >>> whose(Contract("exact", "the function", "identity", "kernel = I", ("a", "b", "c"), BASE))
    'a … c, 3 layers'
    """
    names = contract.layers
    return ", ".join(names) if len(names) <= _MOST_NAMES else f"{names[0]} … {names[-1]}, {len(names)} layers"


def said(contract: Contract) -> str:
    """What a contract preserves.

    >>> from spec_compiler.graph.layer_spec import BASE
    >>> said(Contract("exact", "the function", "identity", "kernel = I", ("a",), BASE))
    'exact: the function'
    >>> said(Contract("not", "the function: positions in between are estimated", "bicubic", "", ("a",), BASE))
    'another function: positions in between are estimated'
    """
    if contract.preserves != "not":
        return f"{contract.preserves}: {contract.text}"
    if contract.text.startswith("the function"):
        return contract.text.replace("the", "another", 1)
    return f"another function: {contract.text}"


def row(contract: Contract) -> tuple[str, str, str, str]:
    """Whose weights are made of the base's, the strategy, the formula, what it preserves."""
    return whose(contract), contract.strategy, contract.formula, said(contract)


def in_columns(table: Sequence[Sequence[str]]) -> list[str]:
    """The rows of a table as lines, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
