"""Near names: what a user may have meant by a name that is not there."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar

from spec_compiler.diagnostics.advice import write

MOST = 4  # names in one help line
MOST_WORK = 100_000  # pairs of letters that are compared for one name, so that a long list of long names ends as well
LONGEST = 120  # characters of a name for which near ones are looked for; nobody mistypes a longer one by a slip
MOST_OF_ALL = 400_000  # for all names of one check: who mistypes hundreds is told of near ones for the first
_left: ContextVar[list[int] | None] = ContextVar("_left", default=None)


@contextlib.contextmanager
def sparing() -> Iterator[None]:
    """Inside, near names are looked for until that has taken as long as one check may."""
    token = _left.set([MOST_OF_ALL])
    try:
        yield
    finally:
        _left.reset(token)


def near(word: str, candidates: Iterable[str]) -> list[str]:
    """Up to four names that the user may have meant, the likeliest first.

    Those with the fewest slips are offered: a letter too many, too few, another one, or two that changed places. Case
    does not count. Where that finds nothing, names that look alike or begin with the word.

    >>> near("block2_conv_1", ["block1_conv1", "block2_conv1", "flatten"])
    ['block2_conv1']
    """
    by_folded: dict[str, str] = {}
    folded = word.casefold()
    left = _left.get() or [MOST_OF_ALL]
    if len(folded) > LONGEST or left[0] <= 0:
        return []
    for name in candidates:
        if len(name) <= LONGEST:
            by_folded.setdefault(name.casefold(), name)
    limit = max(1, min(4, len(folded) // 3))  # a slip in three letters: with more, any short word is near any other
    slips: dict[str, int] = {}
    work = 0
    for name in by_folded:
        count, steps = _slips(folded, name, limit)
        work += steps
        if count <= limit:
            slips[name] = count
        if work > MOST_WORK:
            break
    left[0] -= work + len(by_folded)
    if slips:
        best = min(slips.values())
        alike = [name for name, count in slips.items() if count == best]
        alike.sort(key=lambda name: (-_common(folded, name) - _common(folded[::-1], name[::-1]), name))
    else:
        left[0] -= len(by_folded) * len(folded)
        names = list(by_folded)[: 10 * MOST_WORK // (len(folded) ** 2 + 1)]  # difflib takes quadratic time for each
        alike = difflib.get_close_matches(folded, names, n=2, cutoff=0.7)
        alike = alike or sorted(name for name in by_folded if len(folded) > 2 and name.startswith(folded))
    return [by_folded[name] for name in alike[:MOST]]


def did_you_mean(word: str, candidates: Iterable[str], otherwise: str | None = None) -> str | None:
    """The help line that offers near names, or `otherwise` where nothing is near.

    >>> did_you_mean("Dens", ["Dense", "Dropout"])
    'did you mean `Dense`?'
    """
    return offered(near(word, candidates)) or otherwise


def offered(names: list[str], written: str = "{}") -> str | None:
    """The help line that offers names, if there are any; a single one is to be `written` so."""
    listed = " or ".join(", ".join(f"`{name}`" for name in part) for part in (names[:-1], names[-1:]) if part)
    said = f"did you mean {listed}?" if names else None
    return write(written.format(names[0]), said) if said and len(names) == 1 else said


def num_slips(word: str, other: str, limit: int) -> int:
    """How many slips lead from one word to the other, or `limit + 1` where they are more.

    >>> num_slips("blok2", "block2", 3), num_slips("filtres", "filters", 3), num_slips("a", "xyz", 1)
    (1, 1, 2)
    """
    return _slips(word, other, limit)[0]


def _slips(word: str, other: str, limit: int) -> tuple[int, int]:
    """As `num_slips`, with how many pairs of letters were compared."""
    if word == other:
        return 0, 0
    if abs(len(word) - len(other)) > limit:
        return limit + 1, 0
    start = _common(word, other)
    word, other = word[start:], other[start:]
    end = _common(word[::-1], other[::-1])
    word, other = word[: len(word) - end], other[: len(other) - end]
    if not word or not other:
        return max(len(word), len(other)), 0
    far, steps = limit + 1, 0
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(word, 1):
        first, last = max(1, row - limit), min(len(other), row + limit)  # what is farther off costs more than the limit
        steps += last - first + 1
        here = [row if first == 1 else far] + [far] * len(other)
        for column in range(first, last + 1):
            wanted = other[column - 1]
            cost = min(above[column] + 1, here[column - 1] + 1, above[column - 1] + (letter != wanted))
            if row > 1 and column > 1 and letter == other[column - 2] and word[row - 2] == wanted:
                cost = min(cost, before[column - 2] + 1)
            here[column] = cost
        if min(here) > limit:
            return far, steps
        before, above = above, here
    return min(above[-1], far), steps


def _common(left: str, right: str) -> int:
    """How many letters two words begin with in common."""
    size = min(len(left), len(right))
    return next((at for at in range(size) if left[at] != right[at]), size)
