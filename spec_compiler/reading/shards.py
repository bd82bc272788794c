"""Weights that Keras splits over several HDF5 files: an index, `model.weights.json`, says which file has what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from spec_compiler.reading.damage import Hostile
from spec_compiler.reading.hdf5 import Array, ArrayInfo, Hdf5


@dataclass(frozen=True)
class Shards:
    """Several open HDF5 files as one: what `Hdf5` says, of them all."""

    parts: tuple[Hdf5, ...]

    @cached_property
    def _of(self) -> dict[str, int]:
        """Which of the files has an array."""
        found: dict[str, int] = {}
        for number, part in enumerate(self.parts):
            for name in part.arrays:
                if name in found:
                    raise Hostile(f"two of its files have `{name}`")
                found[name] = number
        return found

    @cached_property
    def arrays(self) -> Mapping[str, ArrayInfo]:
        """Those of all files."""
        return {name: self.parts[number].arrays[name] for name, number in self._of.items()}

    @cached_property
    def groups(self) -> Mapping[str, Any]:
        """Those of all files; one that is in several is the first's."""
        found: dict[str, Any] = {}
        for part in self.parts:
            for name, group in part.groups.items():
                found.setdefault(name, group)
        return found

    def __contains__(self, name: str) -> bool:
        return name in self.arrays or name in self.groups

    def arrays_in(self, group: str) -> list[str]:
        """As `Hdf5.arrays_in`."""
        return [name for part in self.parts for name in part.arrays_in(group)]

    def part_of(self, name: str) -> int:
        """Which of the files has an array."""
        return self._of[name]

    def read(self, name: str, empty: Callable[[tuple[int, ...], Any], Array] = np.empty) -> Array:
        """As `Hdf5.read`."""
        return self.parts[self._of[name]].read(name, empty)

    def stretch(self, name: str) -> tuple[int, int] | None:
        """As `Hdf5.stretch`, in the file that has it."""
        return self.parts[self._of[name]].stretch(name)

    def attribute(self, group: str, name: str, *, only_one: bool = False) -> Any:
        """As `Hdf5.attribute`, of the first file that has the group."""
        part = next((each for each in self.parts if group in each.groups), self.parts[0])
        return part.attribute(group, name, only_one=only_one)
