"""Rows of a variable at other places, by their names or in their order; what is new begins as Keras initialises it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spec_compiler.diagnostics import did_you_mean, quoted
from spec_compiler.graph.adapter import Array, Recipe, Unfit, Values

Picks = Sequence[int | None]  # for each new place the old one, None for what is new


def picked(was: Recipe | None, shape: tuple[int, ...], axis: int, picks: Picks, formula: str) -> Recipe | None:
    """The recipe of a variable of a shape whose rows along an axis are those of another, or new."""
    if was is None:
        return None
    places = [(new, old) for new, old in enumerate(picks) if old is not None]

    def make(values: Values) -> Array:
        import numpy as np  # a check that adapts nothing is to start without it

        old = was.make(values)
        new = np.empty(shape, old.dtype) if len(places) == len(picks) else np.array(values.initial(shape), old.dtype)
        rows = np.moveaxis(new, axis, 0)  # a view
        rows[[place for place, _ in places]] = np.moveaxis(old, axis, 0)[[place for _, place in places]]
        return new

    return Recipe(was.sources, formula, make)


def picks_of(old: Sequence[str], new: Sequence[str], widths: tuple[int, int], word: str, whose: str) -> Picks:
    """For each new name the place of the same old one; `widths` is how many rows the old and the new layer have.

    Raises:
        Unfit: as many names as rows are not there, or no name is one of the old.
    """
    for key, names, width in (("old", old, widths[0]), ("new", new, widths[1])):
        if len(names) != width:
            layer = f"`{whose}` of the base has" if key == "old" else "it now has"
            each = f"list a name for each of the {width:,}, in their order"
            raise Unfit(f"`{key}` has {len(names):,} names, {layer} {width:,} {word}", each, path=(word, key))
    places: Mapping[str, int] = {name: place for place, name in enumerate(old)}
    picks = [places.get(name) for name in new]
    if all(each is None for each in picks):
        help = did_you_mean(new[0], old, f"the old names are {quoted(old[:4])}")
        raise Unfit(f"none of the new names is an old one, `{new[0]}` is not", help, path=(word, "new"))
    return picks


def some(names: Sequence[str]) -> str:
    """How many names, and the first of them."""
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return f"({len(names):,}: {shown}{' …' if len(names) > 3 else ''})"
