"""Texts of an SVG as wide as the engine took them for, whatever font the viewer has in Helvetica's place.

An engine without fonts lays labels out for Helvetica, and where neither that nor Arial is installed a browser takes a
font that is up to a quarter wider: names run into each other and out of their boxes. `textLength` makes them fit.
"""

from __future__ import annotations

import re
from html import unescape

# The widths of the characters from the space to the tilde, in thousandths of the size: Adobe's metrics of fonts that
# every PDF viewer knows (Adobe Core 14 AFM).
_REGULAR = """278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278
556 556 556 556 556 556 556 556 556 556 278 278 584 584 584 556
1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778
667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556
333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556
556 556 333 500 278 556 500 722 500 500 500 334 260 334 584"""
_BOLD = """278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278
556 556 556 556 556 556 556 556 556 556 333 333 584 584 584 611
975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778
667 778 722 667 611 722 667 944 667 667 611 333 278 333 584 556
333 556 611 556 611 556 333 611 611 278 278 556 278 889 611 611
611 611 389 556 333 611 556 778 556 556 500 389 280 389 584"""
_BEYOND = {"\u00a0": 278, "·": 333, "…": 1000, "→": 1000, "−": 584, "×": 584, "–": 556}
_WIDTHS = {
    bold: {**{chr(32 + at): int(width) for at, width in enumerate(widths.split())}, **_BEYOND}
    for bold, widths in ((False, _REGULAR), (True, _BOLD))
}
_TEXT = re.compile(r'<text (?P<attributes>[^>]*font-size="(?P<size>[\d.]+)"[^>]*)>(?P<text>[^<]+)</text>')


def fitted(svg: str) -> str:
    """The SVG with the width of each text said in it; texts with characters of unknown width stay as they are.

    >>> fitted('<text font-size="10.00">Conv2D</text>')
    '<text font-size="10.00" textLength="36.12" lengthAdjust="spacingAndGlyphs">Conv2D</text>'
    """
    return _TEXT.sub(_fitted, svg)


def text_width(text: str, size: float, bold: bool = False) -> float | None:
    """How wide Helvetica sets a text, in the unit of the size; None where a character's width is not known."""
    widths = _WIDTHS[bold]
    if not all(each in widths for each in text):
        return None
    return sum(widths[each] for each in text) * size / 1000


def _fitted(element: re.Match[str]) -> str:
    text = unescape(element["text"])
    width = text_width(text, float(element["size"]), 'font-weight="bold"' in element["attributes"])
    if width is None or not text.strip():
        return element[0]
    length = f'textLength="{width:.2f}" lengthAdjust="spacingAndGlyphs"'
    return f"<text {element['attributes']} {length}>{element['text']}</text>"
