"""A tuple that an interactive session shows in lines: what has hundreds of elements must not fill the screen."""

from __future__ import annotations

from typing import TypeVar

Element = TypeVar("Element", covariant=True)

MOST_SHOWN = 12


class Listing(tuple[Element, ...]):
    """A tuple in every way but how it shows itself: an element a line, the middle of many left out.

    >>> Listing([1, 2])
    (1,
     2)
    >>> print(str(Listing(range(100))).count(chr(10)))
    12
    >>> Listing([1, 2]) == (1, 2)
    True
    """

    __slots__ = ()  # else each would carry a dict, which a tuple has not

    def __repr__(self) -> str:
        if len(self) < 2:
            return super().__repr__()
        lines = [f"{each!r}," for each in self]
        if len(self) > MOST_SHOWN:
            half = MOST_SHOWN // 2
            lines[half:-half] = [f"… {len(self) - 2 * half:,} more …"]
        return "(" + "\n ".join(lines).removesuffix(",") + ")"
