"""HDF5 files of which HDF5 makes the frame alone: groups, names and room for arrays, whose bytes others write there.

The bytes of such a file depend on nothing but what is in it: HDF5's first file format holds no times.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t

from spec_compiler.reading.pieces import Stretch
from spec_compiler.writing.archive import write_at

ALIGNMENT = 64  # bytes, so that an array may be mapped and used as it lies there
_SMALL = 1024  # arrays of fewer bytes are not aligned


class ArrayRoom(NamedTuple):
    """An array that a file is to hold: its path there, shape and dtype, `bfloat16` among them."""

    path: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def stored(self) -> np.dtype[Any]:
        """The dtype in the file: HDF5 knows no bfloat16, of which Keras stores the two bytes."""
        return np.dtype("V2" if self.dtype == "bfloat16" else self.dtype)


def write_frame(
    file: int, start: int, attributes: Mapping[str, Mapping[str, Any]], rooms: Iterable[ArrayRoom]
) -> tuple[list[int], int]:
    """Makes an HDF5 file at a place of an open file, and nothing of its arrays.

    `attributes` leads from each group to what is written of it. Returns where the bytes of each array are to be in the
    HDF5 file, in order, and how many bytes that has as a whole.

    Raises:
        OSError: it cannot be written.
    """
    room = _Room(file, start)
    try:
        places = _frame(room, attributes, rooms)
    except Exception:
        if room.error is None:
            raise
    if room.error is not None:
        raise room.error
    return places, room.size


def _frame(room: _Room, attributes: Mapping[str, Mapping[str, Any]], rooms: Iterable[ArrayRoom]) -> list[int]:
    places: list[int] = []
    with h5py.File(room, "w", alignment_threshold=_SMALL, alignment_interval=ALIGNMENT) as store:
        for group, said in attributes.items():
            made = store.require_group(group)
            for key, value in said.items():
                made.attrs[key] = value
        creation = h5p.create(h5p.DATASET_CREATE)
        creation.set_layout(h5d.CONTIGUOUS)
        creation.set_alloc_time(h5d.ALLOC_TIME_EARLY)
        creation.set_fill_time(h5d.FILL_TIME_NEVER)
        creation.set_obj_track_times(False)
        links = h5p.create(h5p.LINK_CREATE)
        links.set_create_intermediate_group(True)
        for array in rooms:
            space = h5s.create_simple(array.shape) if array.shape else h5s.create(h5s.SCALAR)
            made = h5d.create(store.id, array.path.encode(), h5t.py_create(array.stored), space, creation, links)
            places.append(made.get_offset() or 0)  # none for an array without a number
            if array.dtype == "bfloat16":
                store[array.path].attrs["dtype"] = "bfloat16"
    return places


class _Room(Stretch):
    """Room behind a place of an open file that HDF5 writes to, as a file of its own.

    Why it could not be written is kept in `error`: an exception on the way through HDF5 comes out as another.
    """

    error: OSError | None = None

    def writable(self) -> bool:
        return True

    def truncate(self, size: int | None = None) -> int:
        self.size = self.position if size is None else size
        self._tried(lambda: os.ftruncate(self.file, self.start + self.size))
        return self.size

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._tried(lambda: write_at(self.file, view, self.start + self.position))
        self.position += len(view)
        self.size = max(self.size, self.position)
        return len(view)

    def _tried(self, act: Callable[[], None]) -> None:
        if self.error is None:
            try:
                act()
            except OSError as error:
                self.error = error
