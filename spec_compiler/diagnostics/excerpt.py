"""Where a diagnostic is, as lines: the place, and the line of the spec with carets below what is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_compiler.diagnostics.printable import printable
from spec_compiler.diagnostics.text_lines import shown, width

if TYPE_CHECKING:
    from spec_compiler.diagnostics.diagnostic import Diagnostic, Path


def excerpt(diagnostic: Diagnostic) -> tuple[str, list[str]]:
    """Where it is: the room that numbers of lines take, and the lines that show the place, the carets in the last."""
    file = printable(diagnostic.file or "<spec>")
    gutter, lines = " ", []
    if diagnostic.line is not None:
        number = str(diagnostic.line)
        gutter = " " * len(number)
        column = diagnostic.column or 1
        lines.append(f"{gutter}--> {file}:{number}:{column}")
        if diagnostic.source_line is not None:
            text = diagnostic.source_line.rstrip()
            end = diagnostic.end_column or column + 1
            length = max(1, min(end, len(text) + 1) - column)
            start = column
            if len(text) > 160:  # a window on a very long line, so that the caret stays on the screen
                first = max(0, column - 60)
                text, start = text[first : first + 120], column - first
                length = min(length, max(1, 121 - start))
            before = width(shown(text[: start - 1])) + max(0, start - 1 - len(text))
            carets = max(1, width(shown(text[start - 1 : start - 1 + length])))
            lines += [f"{gutter} |", f"{number} | {shown(text)}", f"{gutter} | {' ' * before}{'^' * carets}"]
    elif diagnostic.override is not None:
        place = diagnostic.override
        before, meant = width(shown(place.text[: place.start])), width(shown(place.text[place.start : place.end]))
        lines.append(f" --> --set {shown(place.text)}")
        lines.append(f"  |  {' ' * (len('--set ') + before)}{'^' * max(1, meant)}")
    elif diagnostic.path:
        lines.append(f" --> {file}: {printable(dotted(diagnostic.path))}")
    return gutter, lines


def dotted(path: Path) -> str:
    """A path as users write it: `insert[0].after`.

    >>> dotted(("insert", 0, "after"))
    'insert[0].after'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
