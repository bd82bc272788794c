"""Pieces of Graphviz's HTML-like labels, and the quoting that lets any text survive in them and in DOT.

See https://graphviz.org/doc/info/shapes.html#html.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from spec_compiler.diagnostics.printable import printable_lines
from spec_compiler.diagram.look import INK, SMALL

LINE_LENGTH = 44  # characters; a longer name goes on in the next line
SPACE = "&#160;"
BETWEEN = 4  # points
TIGHT = 'CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"'
BREAK = '<BR ALIGN="LEFT"/>'

Side = Literal["LEFT", "RIGHT"]


@dataclass(frozen=True)
class Badge:
    """Markup of a fixed width in points, in a frame if there is one; `border` is how thick the frame is."""

    markup: str
    width: int
    frame: str = ""
    border: int = 0


def clean(text: str) -> str:
    """Any text as the text of a label that shows it as it is.

    >>> print(clean('a<b> & "c" ' + chr(92) + "N"))
    a&lt;b&gt; &amp; &quot;c&quot; \\\\N
    """
    return escape(printable_lines(text).replace("\\", "\\\\")) or SPACE  # in labels, too, `\N` is the node's name


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
    # A bold letter of Helvetica is half as wide as its size, on average; the rest is room at both sides.
    return Badge(font(f"<B>{clean(text)}</B>", SMALL - 1, ink), round(4.5 * len(text)) + 11, frame, 1)


def word(text: str, ink: str = INK) -> Badge:
    """A word in the place of a badge, without a frame."""
    return Badge(font(clean(text), SMALL, ink), round(5.2 * len(text)) + 4)


def row(left: str, right: Sequence[Badge] = (), *, width: int = 0) -> str:
    """One line of a label, at least so many points wide: markup at the left side, badges at the right side."""
    cells = f'<TD ALIGN="LEFT" BALIGN="LEFT">{left}</TD>' + (f"<TD>{strip(right, 'RIGHT')}</TD>" if right else "")
    at_least = f' WIDTH="{width}"' if width else ""
    return f'<TR><TD ALIGN="LEFT"{at_least}>{table([f"<TR>{cells}</TR>"])}</TD></TR>'


def strip(badges: Sequence[Badge], side: Side, height: int = 14) -> str:
    """Badges in a line at one side of the room there is.

    Their size is fixed because Graphviz shares what room is left among all cells of a table, frames included.
    """
    cells, total = "", 0
    for index, each in enumerate(badges):
        if index or side == "RIGHT":
            cells, total = cells + f'<TD WIDTH="{BETWEEN}"></TD>', total + BETWEEN
        cells, total = cells + f"<TD>{framed(each, height, side)}</TD>", total + each.width
    size = f'FIXEDSIZE="TRUE" WIDTH="{total}" HEIGHT="{height}" ALIGN="{side}"'
    return f'<TABLE BORDER="0" {TIGHT} {size}><TR>{cells}</TR></TABLE>'


def framed(each: Badge, height: int, side: Side = "LEFT") -> str:
    """A badge alone; a word without a frame stands at one side of its place."""
    # The cell has a size of its own, else Graphviz puts the text into the upper left corner of the table.
    inside = f'WIDTH="{each.width - 2 * each.border}" HEIGHT="{height - 2 * each.border}" FIXEDSIZE="TRUE"'
    outside = f'WIDTH="{each.width}" HEIGHT="{height}" FIXEDSIZE="TRUE"'
    inside += "" if each.border else f' ALIGN="{side}"'
    cell = f"<TD {inside}>{each.markup}</TD>"
    frame = f"{each.frame} {TIGHT}" if each.frame else TIGHT
    return f'<TABLE BORDER="{each.border}" {frame} {outside}><TR>{cell}</TR></TABLE>'


def table(rows: Iterable[str], between: str = "") -> str:
    """Rows of cells, without a frame."""
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{between.join(["", *rows])}</TABLE>'


def label(rows: Iterable[str]) -> str:
    """A label of such rows, one in a line of the DOT text."""
    return table(rows, "\n      ")


def quoted(text: str) -> str:
    """Any text as a DOT string that names itself. Backslashes are entities, which Graphviz reads as HTML does.

    >>> print(quoted('a "b" & c' + chr(92)))
    "a \\"b\\" &amp; c&#92;"
    """
    # `&` first, as the entities of the others begin with it.
    text = printable_lines(text).replace("&", "&amp;").replace("\\", "&#92;").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def attributes(values: Mapping[str, str | int | float]) -> str:
    """A DOT attribute list, in which `label` is markup and everything else is text."""
    return f"[{' '.join(f'{name}={_value(name, str(value))}' for name, value in values.items())}]"


def _value(name: str, value: str) -> str:
    if name == "label":
        return f"<{value}>"
    if name == "tooltip":  # the one attribute in which escapes are read, after the entities, and twice
        value = printable_lines(value).replace("\\", "\\" * 4)
    return quoted(value)
