"""Which variable of a layer is which, after the layer was made anew with other arguments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count


def continued(old: Sequence[str], new: Sequence[str], alike: bool) -> list[int | None]:
    """For each variable of the new layer, by its path, the index of the old one that it is; None for one more.

    By name, as new arguments may bring variables that shift the others (a dropout its seed). Where names do not say
    it, since Keras numbered the layers inside through a whole process, by position, if all shapes are `alike`.

    >>> continued(["query/kernel", "query/bias"], ["seed_generator/state", "query/kernel", "query/bias"], False)
    [None, 0, 1]
    >>> continued(["dense_7/kernel", "dense_8/kernel"], ["dense/kernel", "dense_1/kernel"], True)
    [0, 1]
    """
    by_name, by_number = (_indices(named(old), named(new)) for named in (_counted, _renumbered))
    for indices in (by_name, by_number):
        if len(set(indices) - {None}) == min(len(old), len(new)):
            return indices
    return list(range(len(new))) if alike else by_name


def _indices(old: list[tuple[str, int]], new: list[tuple[str, int]]) -> list[int | None]:
    """For each new name the place of the same one among the old."""
    places = {name: at for at, name in enumerate(old)}
    return [places.get(name) for name in new]


def _counted(paths: Sequence[str]) -> list[tuple[str, int]]:
    """The paths, those that occur more than once told apart."""
    counters: dict[str, Iterator[int]] = defaultdict(count)
    return [(path, next(counters[path])) for path in paths]


def _renumbered(paths: Sequence[str]) -> list[tuple[str, int]]:
    """The paths with `dense_7` and `dense_8` as the first and the second `dense`.

    `keras/src/utils/naming.py` counts the layers of one class through a whole process.
    """
    numbers: dict[str, dict[str, int]] = defaultdict(dict)

    def renumbered(part: str) -> str:
        stem, _, number = part.rpartition("_")
        stem = stem if number.isdigit() and stem else part
        return f"{stem} {numbers[stem].setdefault(part, len(numbers[stem]))}"

    return _counted(["/".join(map(renumbered, path.split("/"))) for path in paths])
