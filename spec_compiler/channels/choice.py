"""Which channels stay: how many, and which. Pure functions of numbers."""

from __future__ import annotations

from collections.abc import Sequence


def how_many(channels: int, keep: int | float, round_to: int = 1) -> int:
    """How many of so many channels stay: a share (of type float) or a number, to the nearest multiple of `round_to`.

    Halves go up. At least one multiple stays, or all where they are fewer; never more than there are.

    >>> how_many(64, 0.5), how_many(30, 0.5, round_to=8), how_many(30, 0.01, round_to=8), how_many(4, 0.5, round_to=8)
    (32, 16, 8, 4)
    """
    wanted = channels * keep if isinstance(keep, float) else keep
    multiples = max(1, int(wanted / round_to + 0.5))
    return min(channels, multiples * round_to)


def most_important(importance: Sequence[float], number: int) -> tuple[int, ...]:
    """The indices of that many of the largest, in their own order; of equal ones the first.

    >>> most_important([0.5, 2.0, 0.5, 1.0], 3)
    (0, 1, 3)
    """
    by_size = sorted(range(len(importance)), key=lambda index: -importance[index])  # stable: equal ones stay in order
    return tuple(sorted(by_size[:number]))
