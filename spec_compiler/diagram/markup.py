"""Pieces of Graphviz's HTML-like labels, and the quoting that lets any text survive in them and in DOT.

See https://graphviz.org/doc/info/shapes.html#html.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from spec_compiler.diagram.look import INK, SMALL

LINE_LENGTH = 44  # characters; a longer name goes on in the next line
SPACE = "&#160;"
BETWEEN = 4  # points
TIGHT = 'CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"'
BREAK = '<BR ALIGN="LEFT"/>'

Side = Literal["LEFT", "RIGHT", "CENTER"]


@dataclass(frozen=True)
class Badge:
    """Markup of a fixed width in points, in a frame if there is one; `border` is how thick the frame is."""

    markup: str
    width: int
    frame: str = ""
    border: int = 0


def clean(text: str) -> str:
    """Any text as the text of a label: escaped, and without the characters that XML does not allow.

    >>> clean('a<b>&"\\x00')
    'a&lt;b&gt;&amp;&quot;\ufffd'
    """
    return escape(printable(text)) or SPACE


def printable(text: str) -> str:
    """The text with control characters and lone surrogates replaced, which no engine takes."""
    return "".join(each if each.isprintable() or each in " \n" else "\ufffd" for each in text)


def wrapped(text: str) -> str:
    """Any text as lines of a label, left-aligned; only where it is too long for one line are there several."""
    lines = [text[start : start + LINE_LENGTH] for start in range(0, len(text), LINE_LENGTH)]
    return BREAK.join(map(clean, lines)) or SPACE


def font(markup: str, size: int = SMALL, color: str | None = None) -> str:
    """The markup in another size and colour."""
    tint = f' COLOR="{color}"' if color else ""
    return f'<FONT POINT-SIZE="{size}"{tint}>{markup}</FONT>'


def badge(text: str, line: str, fill: str, ink: str = INK) -> Badge:
    """A word in a small rounded frame."""
    frame = f'STYLE="ROUNDED" COLOR="{line}" BGCOLOR="{fill}"'
    return Badge(font(f"<B>{clean(text)}</B>", SMALL - 1, ink), round(4.5 * len(text)) + 9, frame, 1)


def word(text: str, ink: str = INK) -> Badge:
    """A word in the place of a badge, without a frame."""
    return Badge(font(clean(text), SMALL, ink), round(4.9 * len(text)) + 4)


def row(left: str, right: Sequence[Badge] = (), *, width: int = 0, side: Side = "LEFT") -> str:
    """One line of a label, at least so many points wide: markup at one side, badges at the right side."""
    cells = f'<TD ALIGN="{side}" BALIGN="{side}">{left}</TD>' + (f"<TD>{strip(right, 'RIGHT')}</TD>" if right else "")
    at_least = f' WIDTH="{width}"' if width else ""
    return f'<TR><TD ALIGN="{side}"{at_least}>{table([f"<TR>{cells}</TR>"])}</TD></TR>'


def strip(badges: Sequence[Badge], side: Side, height: int = 14) -> str:
    """Badges in a line at one side of the room there is.

    Their size is fixed because Graphviz shares what room is left among all cells of a table, frames included.
    """
    cells, total = "", 0
    for index, each in enumerate(badges):
        if index:
            cells, total = cells + f'<TD WIDTH="{BETWEEN}"></TD>', total + BETWEEN
        cells, total = cells + f"<TD>{_framed(each, height)}</TD>", total + each.width
    size = f'FIXEDSIZE="TRUE" WIDTH="{total}" HEIGHT="{height}" ALIGN="{side}"'
    return f'<TABLE BORDER="0" {TIGHT} {size}><TR>{cells}</TR></TABLE>'


def _framed(each: Badge, height: int) -> str:
    # The cell has a size of its own, else Graphviz puts the text into the upper left corner of the table.
    inside = f'WIDTH="{each.width - 2 * each.border}" HEIGHT="{height - 2 * each.border}" FIXEDSIZE="TRUE"'
    outside = f'WIDTH="{each.width}" HEIGHT="{height}" FIXEDSIZE="TRUE"'
    cell = f"<TD {inside}>{each.markup}</TD>"
    return f'<TABLE BORDER="{each.border}" {each.frame} {TIGHT} {outside}><TR>{cell}</TR></TABLE>'


def table(rows: Iterable[str]) -> str:
    """Rows of cells, without a frame."""
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{"".join(rows)}</TABLE>'


def quoted(text: str) -> str:
    """Any text as a DOT string that stands for itself, in names as in attributes with escapes such as `tooltip`.

    >>> print(quoted('a "b" c:' + chr(92)))
    "a \\"b\\" c:\\\\"
    """
    text = printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def attributes(values: Mapping[str, str | int | float]) -> str:
    """A DOT attribute list. A label that is a table of markup is written as one."""
    return f"[{' '.join(f'{name}={_value(value)}' for name, value in values.items())}]"


def _value(value: str | int | float) -> str:
    text = str(value)
    return f"<{text}>" if text.startswith("<TABLE") else quoted(text)
