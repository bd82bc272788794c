"""Lines of a text: the one definition of where one ends, for reader and reports alike, and how wide they are shown."""

from __future__ import annotations

import re
import unicodedata

from spec_compiler.diagnostics.printable import printable

# As YAML 1.2 (5.4), the language server protocol and editors have it. `str.splitlines` breaks at eight more characters,
# of which a form feed or U+2028 in a comment would move every place below it.
_BREAK = re.compile(r"\r\n|\n|\r")


def lines_of(text: str) -> list[str]:
    """The lines of a text without their breaks; the break of the last line begins no other.

    >>> lines_of("a\\r\\nb\\u2028c\\rd\\n"), lines_of("")
    (['a', 'b\\u2028c', 'd'], [])
    """
    lines = _BREAK.split(text)
    if not lines[-1]:
        lines.pop()
    return lines


def position(text: str, index: int) -> tuple[int, int]:
    """The line and the column of a character, each from 0; a column is a count of code points.

    >>> position("a\\nbc", 3)
    (1, 1)
    """
    line, start = 0, 0
    for found in _BREAK.finditer(text, 0, index):
        if found[0] == "\r" and text[found.end() : found.end() + 1] == "\n":
            break  # the index is between the two characters of one break
        line, start = line + 1, found.end()
    return line, index - start


def offset(text: str, line: int, column: int) -> int:
    """The index of a character whose line and column, each from 0, are known.

    >>> offset("a\\r\\nbc", 1, 1)
    4
    """
    starts = [0, *(found.end() for found in _BREAK.finditer(text))]
    return starts[line] + column


def shown(text: str) -> str:
    """A line of a text as a terminal can show it: every character that would move or hide others as an escape.

    >>> print(shown("a" + chr(9) + "b" + chr(0x202E)))
    a b\\u202e
    """
    return "".join(" " if each == "\t" or unicodedata.category(each) == "Zs" else printable(each) for each in text)


def width(text: str) -> int:
    """How many columns of a terminal a text takes: two for a wide letter, none for what stands on the one before it.

    >>> width("abc"), width("\\u5c64"), width("e\\u0301"), width("\\U0001f600")
    (3, 2, 1, 2)
    """
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(unicodedata.category(each) in ("Mn", "Me", "Cf") for each in text)
