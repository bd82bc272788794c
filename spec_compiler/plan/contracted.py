"""Contracts in words: whose weights are made of the base's, how, and what that preserves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

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
    """What a contract preserves: `exact: the function`."""
    word = {"exact": "exact", "partly": "partly", "not": "another function"}[contract.preserves]
    return f"{word}: {contract.text}" if contract.text else word


def rows(contracts: Iterable[Contract]) -> Iterator[tuple[str, str, str, str]]:
    """For each contract: whose weights, the strategy, the formula, what it preserves."""
    for each in contracts:
        yield whose(each), each.strategy, each.formula, said(each)


def in_columns(table: Sequence[Sequence[str]]) -> list[str]:
    """The rows of a table as lines, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
