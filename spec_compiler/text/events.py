"""What a YAML text is read as, whoever reads it: one event for each scalar, and for each collection where it begins."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["document", "mapping", "sequence", "end", "scalar", "alias"]


class Mark(NamedTuple):
    """A place in a text, from 0: `offset` counts the whole text, `column` its line."""

    offset: int
    line: int
    column: int


class Event(NamedTuple):
    """What begins, ends or stands between two marks; `end` ends the collection that began last and is open.

    `value` is the text of a scalar, `style` what it is quoted with, and `is_text` whether it is a text whatever it
    says, as a quoted one is. `in_brackets` is said of a collection.
    """

    kind: Kind
    start: Mark
    end: Mark
    value: str = ""
    style: str | None = None
    is_text: bool = False
    in_brackets: bool = False
    anchor: str | None = None
    tag: str | None = None
