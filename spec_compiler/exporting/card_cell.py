"""The card of an artefact in a cell of a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from spec_compiler.diagnostics.cells import Markup, element, folded, heading, table

if TYPE_CHECKING:
    from spec_compiler.exporting.card import Card, Image, Output


def shown(card: Card) -> Iterator[Markup]:
    """What goes in, what comes out, and what it was made with."""
    name = next(iter(card.files), card.model)
    yield heading(name, element("span", f"{card.format} in {card.precision}, made of {card.model}"))
    takes = [(element("code", each.name), str(each.shape), each.dtype, _image(each.image)) for each in card.inputs]
    yield table(("takes", "shape", "type", "of an image"), takes)
    gives = [
        (element("code", each.name), str(each.shape), each.dtype, _classes(each), f"{each.largest_difference:.2g}")
        for each in card.outputs
    ]
    yield table(("puts out", "shape", "type", "classes", "largest difference"), gives, numbers=(4,))
    yield element("p", f"{card.runtime} beside Keras, on {card.probes}", kind="muted")
    yield folded("made with", table(("package", "version"), [*card.made_with.items()]))


def _image(image: Image | None) -> str:
    if image is None:
        return ""
    before = "" if image.preprocessing is None else f", preprocessed as {image.preprocessing.application}"
    return f"{image.color}, {image.height} × {image.width}, {image.interpolation}{before}"


def _classes(output: Output) -> str:
    names = output.classes or ()
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
