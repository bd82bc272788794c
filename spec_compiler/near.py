"""Near names: what a user may have meant by a name that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST = 4  # names in one help line


def near(word: str, candidates: Iterable[str]) -> list[str]:
    """Up to four names that the user may have meant, the likeliest first.

    Those with the fewest slips are offered: a letter too many, too few, another one, or two that changed places. Case
    does not count. Where that finds nothing, names that look alike or begin with the word.

    >>> near("block2_conv_1", ["block1_conv1", "block2_conv1", "flatten"])
    ['block2_conv1']
    """
    by_folded: dict[str, str] = {}
    for name in candidates:
        by_folded.setdefault(name.casefold(), name)
    folded = word.casefold()
    limit = max(1, min(4, len(folded) // 3))
    slips = {name: count for name in by_folded if (count := num_slips(folded, name, limit)) <= limit}
    if slips:
        best = min(slips.values())
        found = [name for name, count in slips.items() if count == best]
        found.sort(key=lambda name: (-_common(folded, name) - _common(folded[::-1], name[::-1]), name))
    else:
        found = difflib.get_close_matches(folded, list(by_folded), n=2, cutoff=0.7)
        found = found or sorted(name for name in by_folded if len(folded) > 2 and name.startswith(folded))
    return [by_folded[name] for name in found[:MOST]]


def did_you_mean(word: str, candidates: Iterable[str], otherwise: str | None = None) -> str | None:
    """The help line that offers near names, or `otherwise` where nothing is near.

    >>> did_you_mean("Dens", ["Dense", "Dropout"])
    'did you mean `Dense`?'
    """
    return offered(near(word, candidates)) or otherwise


def offered(found: list[str]) -> str | None:
    """The help line that offers names, if there are any."""
    names = [f"`{name}`" for name in found]
    if not names:
        return None
    listed = f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]
    return f"did you mean {listed}?"


def num_slips(word: str, other: str, limit: int) -> int:
    """How many slips lead from one word to the other, or `limit + 1` where they are more.

    >>> num_slips("blok2", "block2", 3), num_slips("filtres", "filters", 3), num_slips("a", "xyz", 1)
    (1, 1, 2)
    """
    if word == other:
        return 0
    if abs(len(word) - len(other)) > limit:
        return limit + 1
    start = _common(word, other)
    word, other = word[start:], other[start:]
    end = _common(word[::-1], other[::-1])
    word, other = word[: len(word) - end], other[: len(other) - end]
    if not word or not other:
        return max(len(word), len(other))
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(word, 1):
        here = [row]
        for column, wanted in enumerate(other, 1):
            cost = min(above[column] + 1, here[-1] + 1, above[column - 1] + (letter != wanted))
            if row > 1 and column > 1 and letter == other[column - 2] and word[row - 2] == wanted:
                cost = min(cost, before[column - 2] + 1)
            here.append(cost)
        if min(here) > limit:
            return limit + 1
        before, above = above, here
    return above[-1]


def _common(left: str, right: str) -> int:
    """How many letters two words begin with in common."""
    size = min(len(left), len(right))
    return next((at for at in range(size) if left[at] != right[at]), size)
