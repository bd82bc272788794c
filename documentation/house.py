"""The picture of the house: its floors and rooms, `docs/images/house.svg`; `python -m documentation.house` draws it.

The rooms are those of `[tool.importlinter]` in pyproject.toml, in their order. `--check` says whether it is stale.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from documentation.pages import DOCS, ROOT
from spec_compiler.spec.generated import kept

PICTURE = DOCS / "images" / "house.svg"


class Floor(NamedTuple):
    """A floor of the house: what is done there, its first room and its last one, and its colour."""

    says: str
    first: str
    last: str
    color: str


FLOORS = (
    Floor("what you call", "__main__", "sandbox", "#f3c969"),
    Floor("what it does for you: train, sweep, export, evaluate, build, lock, verify", "search", "compiler", "#a8d5ba"),
    Floor("Keras lives here: no other room imports it", "backend", "backend", "#f4a7a0"),
    Floor("what becomes of the weights, and what is remembered and locked", "weights", "planning", "#b7cdf2"),
    Floor("what would change: plan, pictures, promises", "diagram", "training", "#cdd9f6"),
    Floor("what you wrote, and what it does to a graph", "spec", "graph", "#d9c9ee"),
    Floor("the words, and where they stand in the text", "language", "text", "#e7ddf5"),
    Floor("facts about Keras, files of strangers, messages", "keras_facts", "collection", "#d8d8d8"),
)
_WIDTH, _HEIGHT, _ROOF, _LEFT, _RIGHT = 900, 76, 92, 70, 830
_FONT = "font-family='system-ui, Segoe UI, Roboto, Noto Sans, sans-serif'"


def rooms() -> list[str]:
    """Every room from the roof down."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    return list(tool["importlinter"]["contracts"][0]["layers"])


def picture() -> str:
    """The house as SVG."""
    height = _ROOF + _HEIGHT * len(FLOORS) + 24
    label = "A house of eight floors; imports go down only"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' role='img' aria-label='{label}'>"
    return "\n".join([head, *_lines(height), "</svg>"]) + "\n"


def _lines(height: int) -> Iterator[str]:
    bottom = _ROOF + _HEIGHT * len(FLOORS)
    yield f"<rect width='{_WIDTH}' height='{height}' rx='8' fill='#ffffff'/>"
    yield f"<path d='M{_LEFT - 30} {_ROOF} L{_WIDTH // 2} 10 L{_RIGHT + 30} {_ROOF} Z' fill='#8d5b4c'/>"
    yield _text(_WIDTH // 2, 66, "spec.yaml goes in, model.keras comes out", 17, "#ffffff", "middle")
    listed = rooms()
    for number, floor in enumerate(FLOORS):
        top = _ROOF + number * _HEIGHT
        inside = listed[listed.index(floor.first) : listed.index(floor.last) + 1]
        yield (
            f"<rect x='{_LEFT}' y='{top}' width='{_RIGHT - _LEFT}' height='{_HEIGHT}' fill='{floor.color}' "
            "stroke='#555555'/>"
        )
        yield _text(_LEFT + 12, top + 22, floor.says, 14, "#333333", "start")
        width = (_RIGHT - _LEFT - 24) / len(inside)
        for place, room in enumerate(inside):
            x = _LEFT + 12 + place * width
            yield (
                f"<rect x='{x + 2:.1f}' y='{top + 32}' width='{width - 4:.1f}' height='34' rx='4' fill='#ffffff' "
                "stroke='#777777'/>"
            )
            yield _text(x + width / 2, top + 54, room, 12 if len(inside) > 6 else 14, "#111111", "middle", "600")
    arrow = f"M40 {_ROOF + 20} V{bottom - 20} m-7 -12 l7 12 l7 -12"
    yield f"<path d='{arrow}' fill='none' stroke='#555555' stroke-width='2'/>"
    middle = (_ROOF + bottom) // 2
    turned = f"<g transform='rotate(-90 26 {middle})'>"
    yield turned + _text(26, middle, "imports go down only", 15, "#555555", "middle") + "</g>"


def _text(x: float, y: float, text: str, size: int, color: str, anchor: str, weight: str = "400") -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' {_FONT} font-size='{size}' font-weight='{weight}' fill='{color}' "
        f"text-anchor='{anchor}'>{escape(text)}</text>"
    )


def main(arguments: Sequence[str]) -> int:
    """Draws the picture, or with `--check` compares it; the exit status."""
    return kept(PICTURE, picture(), [*arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
