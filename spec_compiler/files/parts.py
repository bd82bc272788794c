"""The files beside an index of weights that belong to it, by their names alone: `model_00000.weights.h5`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

INDEX = ".weights.json"
MAX_SHARD_SIZE = 5.0  # GB of 2^30 bytes, as of Keras's `ShardedH5IOStore`
_NUMBERED = re.compile(r"_\d{5}\.weights\.h5")


def part_name(index: str, number: int) -> str:
    """What Keras calls one of them.

    >>> part_name("out/model.weights.json", 3)
    'model_00003.weights.h5'
    """
    return f"{os.path.basename(index).removesuffix(INDEX)}_{number:05}.weights.h5"


def is_part(index: str, path: str) -> bool:
    """Whether a file has the place and a name of one that belongs to an index.

    >>> is_part("out/model.weights.json", "out/model_00003.weights.h5"), is_part("a.weights.json", "b_00003.weights.h5")
    (True, False)
    """
    start = os.path.abspath(index).removesuffix(INDEX)
    place = os.path.abspath(path)
    return index.endswith(INDEX) and place.startswith(start) and _NUMBERED.fullmatch(place, len(start)) is not None


def parts_beside(index: str) -> Sequence[str]:
    """The paths of files that are there and have the name of one that would belong to an index."""
    if not index.endswith(INDEX):
        return ()
    folder = os.path.dirname(index)
    try:
        names = sorted(os.listdir(folder or "."))
    except OSError:
        return ()
    return [path for path in (os.path.join(folder, name) for name in names) if is_part(index, path)]
