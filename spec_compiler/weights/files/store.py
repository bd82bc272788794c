"""A weights file that is open: its arrays by name, and beside them the other members of its archive, if it is one."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np

from spec_compiler.files.parts import INDEX
from spec_compiler.graph.aligned import empty
from spec_compiler.reading import said_of
from spec_compiler.reading.archive import Archive, open_archive
from spec_compiler.reading.damage import Damaged
from spec_compiler.reading.hdf5 import ArrayInfo, Hdf5, open_hdf5
from spec_compiler.reading.index import shards_of
from spec_compiler.reading.model import SAFETENSORS, WEIGHTS, format_of
from spec_compiler.reading.safetensors import Safetensors, open_safetensors
from spec_compiler.reading.shards import Shards
from spec_compiler.weights.stretches import Stretch

Array = np.ndarray[Any, Any]

_MOST = 64 << 20  # what a file may hold besides its weights
_MAX_ASSET = 256 << 20  # a vocabulary of ten million words


@dataclass(frozen=True)
class Store:
    """An open weights file; names are paths in it, `layers/dense/vars/0`."""

    contents: Hdf5 | Shards | Safetensors
    archive: Archive | None = None
    files: tuple[int, ...] = ()  # the open files with the arrays in them; HDF5 begins at `start`
    start: int = 0

    def __contains__(self, name: str) -> bool:
        return name in self.contents

    @property
    def arrays(self) -> list[str]:
        """The names of all arrays, less the optimizer's."""
        return [name for name in self.contents.arrays if not name.startswith(("optimizer", "_optimizer"))]

    def info(self, name: str) -> ArrayInfo:
        """Shape and dtype of an array.

        Raises:
            Damaged: there is none of this name.
        """
        if name not in self.contents.arrays:
            raise Damaged(f"it has no array `{name}`")
        return self.contents.arrays[name]

    def read(self, name: str) -> Array:
        """An array, exactly as it is in the file.

        Raises:
            Damaged: it is damaged.
        """
        return self.contents.read(name, empty)

    def stretch(self, name: str) -> Stretch | None:
        """Where the bytes of an array are, if they are there as they are in memory: bfloat16 as its two bytes."""
        place = self.contents.stretch(name)
        if not self.files or place is None:
            return None
        start, size = place
        info = self.info(name)
        return Stretch(self.files[self.contents.part_of(name)], self.start + start, size, info.dtype, info.shape)

    def texts(self, group: str, attribute: str) -> list[str] | None:
        """A list of names in the attributes of a group, which Keras splits over several where it is long.

        Raises:
            Damaged: there is no such group, or its attribute is no list.
        """
        if group not in self.contents.groups:
            raise Damaged(f"it has no group `{group}`")
        names = self.contents.attribute(group, attribute)
        if names is None:  # HDF5 keeps no attribute above 64 KB: `save_attributes_to_hdf5_group` numbers its parts
            chunks = (self.contents.attribute(group, f"{attribute}{number}") for number in itertools.count())
            parts = list(itertools.takewhile(lambda part: part is not None, chunks))
            if not parts:
                return None
            names = [name for part in parts for name in (part if isinstance(part, list) else [part])]
        if not isinstance(names, list):
            raise Damaged(f"the `{attribute}` of its `{group or '/'}` are no list")
        return [str(name) for name in names]

    @property
    def members(self) -> Collection[str]:
        """The names of the archive's members; none where the file is no archive."""
        return () if self.archive is None else self.archive.members

    def asset(self, member: str) -> bytes:
        """A file in the archive.

        Raises:
            Damaged: it is damaged.
            Hostile: it is larger than any vocabulary.
        """
        assert self.archive is not None
        return self.archive.read(member, _MAX_ASSET)

    def is_verified(self, names: Collection[str]) -> bool:
        """Whether a flipped bit in one of these arrays would be found, by the archive's checksum or HDF5's."""
        return self.archive is not None or all(self.contents.arrays[name].has_checksum for name in names)

    @contextlib.contextmanager
    def proven(self) -> Iterator[None]:
        """Compares the weights in an archive with their checksum while they are read, and waits for that at the end.

        Raises:
            Damaged: they differ.
        """
        if self.archive is None:
            yield
            return
        stopped = Event()
        with ThreadPoolExecutor(1) as beside:  # neither the checksum nor reading the file needs Python's lock
            outcome = beside.submit(self.archive.prove, WEIGHTS, stopped.is_set)
            try:
                yield
            except BaseException:
                stopped.set()  # else an error would wait for the rest of the file to be read
                raise
            outcome.result()


def most_for(num_bytes: int) -> int:
    """The most that weights of this size may unpack to: with an optimizer's three slots, all in twice the precision."""
    return _MOST + 8 * num_bytes


@contextlib.contextmanager
def open_store(path: str, limit: int) -> Iterator[Store]:
    """The weights of a file: a weights file, an index of several, or the weights in a `.keras` archive, read in place.

    Weights that are packed in the archive unpack to no more than `limit`.

    Raises:
        Damaged: it is damaged or something else.
        Hostile: it is made to lead a reader astray.
    """
    if path.endswith(INDEX):
        with contextlib.ExitStack() as stack:
            shards = [os.path.join(os.path.dirname(path), each) for each in shards_of(path)]
            parts = Shards(tuple(stack.enter_context(open_hdf5(each)) for each in shards))
            files = [stack.enter_context(open(each, "rb")) for each in shards]
            yield Store(parts, files=tuple(each.fileno() for each in files))
        return
    if path.endswith(SAFETENSORS):
        with open(path, "rb") as tensors:
            yield Store(open_safetensors(path, tensors.fileno()), files=(tensors.fileno(),))
        return
    if format_of(path) == "hdf5":
        with open_hdf5(path) as store, open(path, "rb") as beside:
            yield Store(store, files=(beside.fileno(),))
        return
    with open_archive(path) as archive:
        if WEIGHTS not in archive:
            raise Damaged(f"the archive has no `{WEIGHTS}`")
        with archive.opened(WEIGHTS, limit) as stream, open_hdf5(stream) as store:
            start = archive.place(WEIGHTS)
            file = archive.stream.fileno() if start is not None else stream.fileno()
            yield Store(store, archive, (file,), start or 0)


def admitted(path: str) -> str:
    """The path of a model file that Keras itself is to load, which believes more than we do: the whole of it is proven.

    Raises:
        SpecError: SC502 where it is damaged, SC514 where it is made to lead a reader astray.
    """
    with (
        said_of(path, "a model", "save it again"),
        open_store(path, most_for(os.path.getsize(path))) as store,
        store.proven(),
    ):
        for group in store.contents.groups:
            for attribute in ("layer_names", "weight_names"):
                store.texts(group, attribute)
        for attribute in ("model_config", "training_config", "keras_version", "backend"):
            store.contents.attribute("", attribute, only_one=True)
        if store.archive is not None:
            for member in store.members:
                if member != WEIGHTS:
                    store.archive.prove(member)
    return path
