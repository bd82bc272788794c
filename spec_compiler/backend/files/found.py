"""The arrays of a file, found for a base, and the file open for reading them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from spec_compiler.backend.files.hdf5 import Array, open_h5, read_dataset
from spec_compiler.backend.files.saved_state import FileState
from spec_compiler.backend.state import NoState, State
from spec_compiler.graph import Place


@dataclass(frozen=True)
class FileWeights:
    """The arrays of a file, found for a base: from each place to the dataset that holds it.

    `unmapped` are layers of the base that a `map` leaves out, `unused` the groups of the file that nothing takes,
    `fills` the new layers that it names. `groups` leads from each layer of the base, `outer/inner` in nested models, to
    its group in a file of Keras 3's format; of others it is empty.
    """

    file: str
    text: str
    datasets: Mapping[Place, str]
    unmapped: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    fills: frozenset[str] = frozenset()
    groups: Mapping[str, str] = field(default_factory=dict)

    @contextlib.contextmanager
    def opened(self) -> Iterator[OpenWeights]:
        """The file open for reading arrays one by one."""
        with open_h5(self.file) as store:
            yield OpenWeights(self, store)


@dataclass(frozen=True)
class OpenWeights:
    """A weights file that is open."""

    weights: FileWeights
    store: Any

    def origin(self, place: Place) -> str | None:
        """Where the array of a place is, as the ledger says it."""
        dataset = self.weights.datasets.get(place)
        return f"{os.path.basename(self.weights.file)}:{dataset}" if dataset else None

    def read(self, place: Place) -> Array:
        """The array of a place, exactly as it is in the file."""
        return read_dataset(self.store[self.weights.datasets[place]])

    def state(self, name: str) -> State:
        """What the file holds of a layer beside its variables."""
        group = self.weights.groups.get(name)
        return NoState() if group is None else FileState(self.store, self.weights.file, group)
