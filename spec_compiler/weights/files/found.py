"""The arrays of a file, found for a base, and the file open for reading them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.graph.layer_spec import Place
from spec_compiler.memory.files import keep_arrays, known_arrays
from spec_compiler.reading import said_of
from spec_compiler.reading.damage import Damaged
from spec_compiler.weights.files.store import Array, Store, open_store
from spec_compiler.weights.state import NoState, State, StateInFile
from spec_compiler.weights.stretches import Stretch

WHAT = "weights"
HELP = "the file is damaged or not complete; save or download it again"


@dataclass(frozen=True)
class FileWeights:
    """The arrays of a file, found for a base: from each place to the dataset that holds it.

    `unmapped` are layers of the base that a `map` leaves out, `unused` the groups of the file that nothing takes,
    `fills` the new layers that it names. `groups` leads from each layer of the base, `outer/inner` in nested models, to
    its group in a file of Keras 3's format; of others it is empty. `limit` is what packed weights may unpack to,
    `unverified` the file where it has no checksum by which a flipped bit would be found, `path` leads to its name in
    the spec.
    """

    file: str
    text: str
    datasets: Mapping[Place, str]
    unmapped: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    fills: frozenset[str] = frozenset()
    groups: Mapping[str, str] = field(default_factory=dict)
    limit: int = 0
    unverified: tuple[str, ...] = ()
    path: Path = ()

    @contextlib.contextmanager
    def opened(self, places: Collection[Place] | None = None) -> Iterator[OpenWeights]:
        """The file open for reading arrays one by one, and when it is closed, proven by its checksum.

        Of some `places` alone the rest of the file is not read where they were proven before: `was_read` is to be told
        of each, and compares it with what it was then.

        Raises:
            SpecError: SC502, SC514.
        """
        known = known_arrays(self.file) if places is not None and self.can_be_proven else {}
        needed = {self.datasets[place] for place in places or () if place in self.datasets}
        is_known = bool(known) and needed <= known.keys()
        with _at(self.path), said_of(self.file, WHAT, HELP), open_store(self.file, self.limit) as store:
            opened = OpenWeights(self, store, known if is_known else {})
            with contextlib.nullcontext() if is_known else store.proven():
                yield opened
        if self.can_be_proven and not is_known:
            keep_arrays(self.file, opened.checksums)

    @property
    def can_be_proven(self) -> bool:
        """Whether the file has a checksum of its own."""
        return not self.unverified


@contextlib.contextmanager
def _at(path: Path) -> Iterator[None]:
    """Places what is said of the file at its name in the spec; what else goes wrong meanwhile is left as it is."""
    try:
        yield
    except SpecError as error:
        codes = {each.code for each in error.diagnostics if not each.path}
        raise error.under(*path) if codes & {"SC502", "SC514"} else error from None


@dataclass(frozen=True)
class OpenWeights:
    """A weights file that is open."""

    weights: FileWeights
    store: Store
    known: Mapping[str, str] = field(default_factory=dict)  # the checksums that arrays have, where these are proof
    checksums: dict[str, str] = field(default_factory=dict)  # of what was read

    def origin(self, place: Place) -> str | None:
        """Where the array of a place is, as the ledger says it."""
        dataset = self.weights.datasets.get(place)
        return f"{os.path.basename(self.weights.file)}:{dataset}" if dataset else None

    def read(self, place: Place) -> Array:
        """The array of a place, exactly as it is in the file."""
        return self.store.read(self.weights.datasets[place])

    def array(self, place: Place) -> Array:
        """As `read`."""
        return self.read(place)

    def stretch(self, place: Place) -> Stretch | None:
        """Where its bytes are."""
        return self.store.stretch(self.weights.datasets[place])

    def was_read(self, place: Place, checksum: str) -> None:
        """Compares an array with what it was when all of the file was proven, where that is not done now.

        Raises:
            Damaged: it differs.
        """
        dataset = self.weights.datasets[place]
        if self.known and self.known.get(dataset) != checksum:
            raise Damaged(f"its `{dataset}` has changed, though the file was not written since it was read before")
        self.checksums[dataset] = checksum

    def state(self, name: str) -> State | StateInFile:
        """What the file holds of a layer beside its variables."""
        group = self.weights.groups.get(name)
        return NoState() if group is None else StateInFile(self.store, self.weights.file, group)
