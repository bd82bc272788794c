"""Colours, borders and marks. Each state has a mark and a border of its own, so that nothing depends on colour alone.

The hues are Okabe and Ito's (https://jfly.uni-koeln.de/color/), which colour-blind readers can tell apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from spec_compiler.diagram.merged import ArrowState, State

INK, MUTED, WHITE = "#1F2328", "#57606A", "#FFFFFF"
TITLE, NORMAL, SMALL = 20, 12, 10  # font sizes, points
FONT = "Helvetica"  # every engine knows its letter widths; `draw` names its substitutes in SVG


@dataclass(frozen=True)
class Look:
    """How a box of one state is drawn; `mark` and `word` make its badge."""

    mark: str
    word: str
    line: str
    fill: str
    style: str = "solid"
    width: float = 1.0
    peripheries: int = 1


LOOKS: dict[State, Look] = {
    "kept": Look("", "kept", "#8C959F", WHITE),
    "toggled": Look("", "kept", "#8C959F", WHITE),
    "changed": Look("~", "changed", "#0072B2", "#E4F0F8", peripheries=2),
    "new": Look("+", "new", "#007A57", "#DCF3EA", width=2.6),
    "dropped": Look("−", "dropped", "#C24E00", "#FDEDE3", style="dashed", width=1.6),
}
PALE = "#F1F2F4"
INSIDE = "#F8F9FA"  # of a nested model
FROZEN_FILL = "#DDE3EA"
TOGGLED_LINE, TOGGLED_FILL = "#0072B2", "#D3EAF8"


@dataclass(frozen=True)
class Stroke:
    """How an arrow of one state is drawn; `sign` stands for it in the legend."""

    word: str
    sign: str
    color: str
    style: str = "solid"
    width: float = 1.0


STROKES: dict[ArrowState, Stroke] = {
    "kept": Stroke("connection", "─►", "#6E7781"),
    "changed": Stroke("carries another shape", "═►", "#0072B2:#0072B2", width=1.2),
    "new": Stroke("new connection", "─►", "#007A57", width=2.2),
    "dropped": Stroke("dropped connection", "- -►", "#C24E00", style="dashed", width=1.4),
}
