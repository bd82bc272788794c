"""Which variable of a layer is which, after the layer was made anew with other arguments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence


def continued(old: Sequence[str], new: Sequence[str], alike: bool) -> list[int | None]:
    """For each variable of the new layer, by its path, the index of the old one that it is; None for one more.

    By name, as new arguments may bring variables that shift the others (a dropout its seed). Where names do not say
    it, since Keras numbered the layers inside through a whole process, by position, if all shapes are `alike`.

    >>> continued(["query/kernel", "query/bias"], ["seed_generator/state", "query/kernel", "query/bias"], False)
    [None, 0, 1]
    >>> continued(["dense_7/kernel", "dense_8/kernel"], ["dense/kernel", "dense_1/kernel"], True)
    [0, 1]
    """
    for named in (_counted, _renumbered):
        index = {name: at for at, name in enumerate(named(old))}
        found = [index.get(name) for name in named(new)]
        if len(set(found) - {None}) == min(len(old), len(new)):
            return found
    if alike:
        return list(range(len(new)))
    index = {name: at for at, name in enumerate(_counted(old))}
    return [index.get(name) for name in _counted(new)]


def _counted(paths: Sequence[str]) -> list[tuple[str, int]]:
    """The paths, those that occur more than once told apart."""
    seen: dict[str, int] = defaultdict(int)
    found = []
    for path in paths:
        found.append((path, seen[path]))
        seen[path] += 1
    return found


def _renumbered(paths: Sequence[str]) -> list[tuple[str, int]]:
    """The paths with `dense_7` and `dense_8` as the first and the second `dense`."""
    numbers: dict[str, dict[str, int]] = defaultdict(dict)
    found = []
    for path in paths:
        parts = []
        for part in path.split("/"):
            stem, _, number = part.rpartition("_")
            stem = stem if number.isdigit() and stem else part
            parts.append(f"{stem} {numbers[stem].setdefault(part, len(numbers[stem]))}")
        found.append("/".join(parts))
    return _counted(found)
