"""What our values show of themselves in a cell of a notebook: one look, no script, and every text as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from typing import Literal

from spec_compiler.diagnostics.printable import printable, printable_lines

MOST_ROWS = 24  # of a table; of more the first and the last are shown
Kind = Literal["", "good", "bad", "warn", "new", "changed", "dropped"]


class Markup(str):
    """HTML of our own. Whatever is no `Markup` is a text, and escaped where it becomes a part of one."""

    __slots__ = ()


def text(value: object) -> Markup:
    """A value as HTML that shows it as it is; `Markup` stays.

    >>> text("<b>" + chr(0x202E))
    '&lt;b&gt;\\\\u202e'
    """
    return value if isinstance(value, Markup) else Markup(escape(printable(str(value))))


def said(value: str) -> Markup:
    """A sentence of ours, its parts between backquotes as code.

    >>> said("no layer named `a<b`")
    'no layer named <code>a&lt;b</code>'
    """
    parts = value.split("`")
    if len(parts) % 2 == 0:  # one of them is a letter of a name
        return Markup(escape(printable_lines(value)))
    shown = (escape(printable_lines(part)) for part in parts)
    return Markup("".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(shown)))


def joined(parts: Iterable[object]) -> Markup:
    """Parts one after the other."""
    return Markup("".join(text(part) for part in parts))


def element(tag: str, *parts: object, kind: str = "") -> Markup:
    """An element of HTML with such parts inside.

    >>> element("p", "a & b", kind="muted")
    '<p class="muted">a &amp; b</p>'
    """
    attributes = f' class="{kind}"' if kind else ""
    return Markup(f"<{tag}{attributes}>{joined(parts)}</{tag}>")


def badge(word: str, kind: Kind = "") -> Markup:
    """A word in a small frame."""
    return element("span", word, kind=f"badge {kind}".rstrip())


def heading(title: object, *beside: object) -> Markup:
    """The line on top: what it is, and in small letters what else names it."""
    return element("p", element("b", title), *(joined((" ", each)) for each in beside), kind="title")


def cards(figures: Iterable[tuple[str, object, object]]) -> Markup:
    """Figures in a row: what each is, the figure, and what is said below it, or nothing."""
    cells = (
        element(
            "div", element("dt", name), element("dd", value), *([element("dd", below, kind="muted")] if below else [])
        )
        for name, value, below in figures
    )
    return element("dl", *cells, kind="cards")


def table(
    head: Sequence[object], rows: Sequence[Sequence[object]], numbers: Iterable[int] = (), *, most: int = MOST_ROWS
) -> Markup:
    """A table, which scrolls where the cell is narrower; of more than `most` rows the middle is left out.

    `numbers` are the columns, from 0, that are aligned at the right.
    """
    right = set(numbers)

    def line(cells: Sequence[object], tag: str) -> Markup:
        return element("tr", *(element(tag, each, kind="n" if at in right else "") for at, each in enumerate(cells)))

    shown = [line(each, "td") for each in rows]
    if len(shown) > most:
        half = most // 2
        left = f'<tr><td class="muted" colspan="{len(head)}">… {len(shown) - 2 * half:,} more …</td></tr>'
        shown[half:-half] = [Markup(left)]
    top = element("thead", line(head, "th"))
    return element("div", element("table", top, element("tbody", *shown), kind="t"), kind="wide")


def folded(summary: object, *parts: object, is_open: bool = False) -> Markup:
    """Parts that show when one asks for them."""
    return Markup(f"<details{' open' if is_open else ''}>{element('summary', summary)}{joined(parts)}</details>")


def code(lines: object) -> Markup:
    """Lines as they are."""
    shown = lines if isinstance(lines, Markup) else Markup(escape(printable_lines(str(lines))))
    return element("pre", shown)


def picture(kind: str, data: bytes, says: str, *, least: str = "", flips: bool = False) -> Markup:
    """A picture within the page: nothing of it runs, and none of its names is the page's.

    `least`: how narrow it may become. `flips`: it is dark on white, and turned where the page is dark.
    """
    from base64 import b64encode  # who shows no picture needs none

    size = f' style="min-width: {least}"' if least else ""
    source = f"data:{kind};base64,{b64encode(data).decode('ascii')}"
    image = f'<img class="{"flips" if flips else "as-is"}" alt="{text(says)}" src="{source}"{size}>'
    return element("div", Markup(image), kind="picture")


def cell(*parts: object) -> str:
    """All that a cell shows, with its look."""
    style = files("spec_compiler.diagnostics").joinpath("cells.css").read_text(encoding="utf-8")
    return f'<style>{style}</style>\n<div class="sc-cell">{joined(parts)}</div>'
