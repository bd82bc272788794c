"""The one gate to the terminal: what is written to it is made here, and shows every text as it is.

Text that is safe is of a type of its own, `Shown`. Everything else that is put to it, or written, is escaped: only what
this module makes can colour a text or begin a line.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any

import click

from spec_compiler.diagnostics.printable import printable, printable_lines


class Shown(str):
    """Text that a terminal may be given; whatever is added to it is made so.

    >>> Shown("a") + chr(27) + "b"
    'a\\\\u001bb'
    """

    __slots__ = ()

    def __add__(self, other: str) -> Shown:
        return Shown(str.__add__(self, shown(other)))

    def __radd__(self, other: str) -> Shown:
        return Shown(str.__add__(shown(other), self))


NEWLINE = Shown("\n")
TO_THE_START = Shown("\r")  # of the line


def shown(text: str) -> Shown:
    """Any text on one line."""
    return text if isinstance(text, Shown) else Shown(printable(text))


def block(text: str) -> Shown:
    """Any text of several lines."""
    return text if isinstance(text, Shown) else Shown(printable_lines(text))


def joined(lines: Iterable[str], between: str = "\n") -> Shown:
    """Texts one below the other, each on one line unless it is shown already."""
    return Shown(between.join(map(shown, lines)))


def counted(count: int, what: str) -> str:
    """So many of something: `1 layer`, `3 layers`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def aligned(rows: Sequence[Sequence[str]], right: Container[int]) -> list[list[str]]:
    """The cells of a table, each as wide as its column; in the columns `right` they stand at the right.

    >>> aligned([("a", "1"), ("bcd", "200")], right={1})
    [['a  ', '  1'], ['bcd', '200']]
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        [cell.rjust(width) if at in right else cell.ljust(width) for at, (cell, width) in enumerate(cells)]
        for cells in (zip(row, widths, strict=True) for row in rows)
    ]


def style(text: str, **styles: Any) -> Shown:
    """A text in colour or bold, as `click.style` has it."""
    return Shown(click.style(shown(text), **styles))


def echo(text: str = "", *, err: bool = False, nl: bool = True, color: bool | None = None) -> None:
    """Writes a text, as `click.echo` does."""
    click.echo(str(block(text)), err=err, nl=nl, color=color)
