"""Weights in several HDF5 files with an index, as Keras's `save_weights(max_shard_size=…)` writes them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from spec_compiler.diagnostics import SpecError
from spec_compiler.writing.hdf5 import ArrayRoom

_GB = 1 << 30  # as Keras counts them


def split(rooms: Sequence[ArrayRoom], most: float) -> list[range]:
    """Which of the arrays go into which file, in their order, each as full as can be; `most` is in GB.

    Raises:
        SpecError: SC508, one is larger than a file may be.
    """
    found, start, size = [], 0, 0
    for number, room in enumerate(rooms):
        own = math.prod(room.shape) * room.stored.itemsize
        if own > most * _GB:
            raise _too_large(room.path, own, most)
        if size + own > most * _GB:
            found.append(range(start, number))
            start, size = number, 0
        size += own
    return [*found, range(start, len(rooms))]


def _too_large(name: str, size: int, most: float) -> SpecError:
    message = f"`{name}` has {size / _GB:.3g} GB, and each file is to have {most:.3g} at most"
    return SpecError.single(
        "SC508", message, help=f"`--max-shard-size {math.ceil(size / _GB * 1000) / 1000:g}`, or more"
    )


def index_of(files: Mapping[str, Sequence[ArrayRoom]]) -> bytes:
    """What the index holds, from the arrays in each file."""
    groups: dict[str, list[str]] = {}  # for each array its file
    for file, rooms in files.items():
        for room in rooms:
            groups.setdefault(f"/{room.path.rpartition('/')[0]}", []).append(file)
    total = sum(math.prod(room.shape) * room.stored.itemsize for rooms in files.values() for room in rooms)
    # Keras writes a name where a group has one array, and a list of names where it has more
    weight_map = {
        group: list(dict.fromkeys(inside)) if len(inside) > 1 else inside[0] for group, inside in groups.items()
    }
    return json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}, indent=4).encode()
