"""The variables of a result written into an open file, each to its place, and proven there.

What is kept goes from file to file in pieces, what is adapted or begun is made one variable at a time. Every array is
hashed as it is read, and again as it stands in the result.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash

from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import contracts
from spec_compiler.graph.layer_spec import LayerSpec, Place, VariableSpec
from spec_compiler.graph.model_config import store_groups
from spec_compiler.plan.ledger import LedgerRow, WeightLedger
from spec_compiler.reading.damage import Damaged
from spec_compiler.weights.assignments import Assignment, TransferError, assignments, made_by
from spec_compiler.weights.checksum import Array
from spec_compiler.weights.dropped import dropped
from spec_compiler.weights.sources import OpenSource, WeightSource
from spec_compiler.weights.stretches import Stretch, pieces
from spec_compiler.weights.values import SourceValues
from spec_compiler.writing.archive import write_at
from spec_compiler.writing.hdf5 import ArrayRoom

Initial = Callable[[LayerSpec, VariableSpec, tuple[int, ...]], Callable[[], Array]]


@dataclass(frozen=True)
class Stored:
    """A variable that a file holds: its room there, and what it gets."""

    room: ArrayRoom
    assignment: Assignment


@dataclass(frozen=True)
class _Written:
    """A variable in the file, and where its bytes are in what is written there."""

    room: ArrayRoom
    assignment: Assignment
    place: int

    @property
    def size(self) -> int:
        return self.assignment.variable.num_elements * self.room.stored.itemsize


@dataclass
class _Copy:
    """What was read for a variable, and what is in the result."""

    row: Callable[[str], LedgerRow]
    wanted: str


class Filling:
    """What every variable of a result gets."""

    def __init__(self, result: Graph, source: WeightSource, opened: OpenSource, initial: Initial) -> None:
        self.result, self.source, self.opened, self.initial = result, source, opened, initial
        self.values = SourceValues(opened)
        self.told: set[Place] = set()  # places whose values were read for recipes
        self.groups = {layer.name: group for layer, group in store_groups(result)}
        order = dict.fromkeys(node.layer for node in result.nodes.values())
        layers = [layer for layer in map(result.layers.__getitem__, order) if layer.can_train]
        self.all = [each for layer in layers for each in assignments(layer, opened, layer.name in source.fills)]
        by_layer: dict[str, list[Assignment]] = {}
        for each in self.all:
            if each.variable.is_weight:
                by_layer.setdefault(each.layer.name, []).append(each)
        self.stored = [
            Stored(ArrayRoom(f"{group}/{each.variable.store_path}", each.variable.shape, each.variable.dtype), each)
            for name, group in self.groups.items()
            for each in by_layer.get(name, ())
        ]
        self.begun = {
            id(each): initial(each.layer, each.variable, each.variable.shape)
            for each in (stored.assignment for stored in self.stored)
            if each.action == "initialized"
        }

    def fill(
        self, file: int, start: int, stored: Sequence[Stored], places: Sequence[int], size: int
    ) -> tuple[dict[int, LedgerRow], int]:
        """Writes variables to their places behind `start`, and reads them back from there.

        Returns the rows of their assignments by identity, and the checksum of all `size` bytes.

        Raises:
            SpecError: SC502, SC514, the source is damaged.
            TransferError: what is in the file is not what was read.
            OSError: it cannot be written.
        """
        written = [_Written(each.room, each.assignment, place) for each, place in zip(stored, places, strict=True)]
        copies = [self._copy(each, file, start) for each in written]
        return _proven(file, start, size, written, copies)

    def _copy(self, written: _Written, file: int, start: int) -> _Copy:
        """Writes the values of a variable to their place."""
        each, at = written.assignment, start + written.place
        if each.action == "copied":
            return self._copied(each, written, file, at)
        if each.action == "adapted":
            self.values.initial_of = lambda shape: self.initial(each.layer, each.variable, shape)()
            made = made_by(each, self.values)
            for place in self.values.checksums.keys() - self.told:
                self.told.add(place)
                self.opened.was_read(place, self.values.checksums[place])
            stored = _as_stored(made, written.room)
            wanted = _write_array(file, at, stored)
            row = each.adapted(self.values, wanted, made.dtype, _dtype(written.room))
            return _Copy(lambda after: row, wanted)
        begun = self.begun[id(each)]()
        wanted = _write_array(file, at, _as_stored(begun, written.room))
        return _Copy(each.initialized, wanted)

    def _copied(self, each: Assignment, written: _Written, file: int, at: int) -> _Copy:
        assert each.place is not None
        stretch = self.opened.stretch(each.place)
        into = _dtype(written.room)
        if stretch is not None and stretch.dtype == written.room.stored and stretch.size == written.size:
            before = after = _copied_stretch(stretch, file, at)
            of = into
        else:
            array = self.opened.array(each.place)
            of = array.dtype
            before = _checksum(_bytes(array))
            after = _write_array(file, at, _as_stored(array, written.room))
        self.opened.was_read(each.place, before)
        return _Copy(lambda result: each.copied(before, result, of, into), after)

    def ledger(self, base: Graph, rows: Mapping[int, LedgerRow]) -> WeightLedger:
        """All rows, those of the result in its order."""
        found = [rows[id(each)] if id(each) in rows else each.initialized(None) for each in self.all]
        every = (*found, *dropped(base, self.result))
        num_base = sum(len(layer.variables or ()) for layer in base.layers.values())
        unverified = self.source.unverified if any(row.source is not None for row in every) else ()
        return WeightLedger(
            every, num_base, self.source.unused, unverified=unverified, contracts=tuple(contracts(self.result))
        )


def _dtype(room: ArrayRoom) -> np.dtype[Any]:
    """The dtype of a variable."""
    if room.dtype == "bfloat16":
        import ml_dtypes  # few models need it

        dtype: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return dtype
    return np.dtype(room.dtype)


def _as_stored(array: Array, room: ArrayRoom) -> Array:
    """An array as the file holds it."""
    return np.ascontiguousarray(array.astype(_dtype(room), copy=False))


def _bytes(array: Array) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _checksum(data: memoryview) -> str:
    return xxhash.xxh3_128(data).hexdigest()


def _write_array(file: int, at: int, array: Array) -> str:
    data = _bytes(array)
    write_at(file, data, at)
    return _checksum(data)


def _copied_stretch(stretch: Stretch, file: int, at: int) -> str:
    hashed, done = xxhash.xxh3_128(), 0
    for piece in pieces(stretch.file, stretch.start, stretch.size):
        hashed.update(piece)
        write_at(file, piece, at + done)
        done += len(piece)
    return hashed.hexdigest()


def _proven(
    file: int, start: int, size: int, written: Sequence[_Written], copies: Sequence[_Copy]
) -> tuple[dict[int, LedgerRow], int]:
    """The row of each variable, which is read back from the file, and the checksum of the whole HDF5 file.

    Raises:
        TransferError: a variable is not what was read for it.
    """
    try:
        return _read_back(file, start, size, written, copies)
    except Damaged as error:  # the source's file is not meant
        raise TransferError(f"the new file: {error}") from error


def _read_back(
    file: int, start: int, size: int, written: Sequence[_Written], copies: Sequence[_Copy]
) -> tuple[dict[int, LedgerRow], int]:
    rows: dict[int, LedgerRow] = {}
    crc = at = 0
    for each, copy in sorted(zip(written, copies, strict=True), key=lambda pair: (pair[0].place, pair[0].room.path)):
        if each.size:
            for piece in pieces(file, start + at, each.place - at):
                crc = zlib.crc32(piece, crc)
        hashed = xxhash.xxh3_128()
        for piece in pieces(file, start + each.place, each.size):
            crc = zlib.crc32(piece, crc)
            hashed.update(piece)
        at = each.place + each.size if each.size else at
        after = hashed.hexdigest()
        if after != copy.wanted:
            raise TransferError(f"{each.room.path} differs in the file from what was written there")
        rows[id(each.assignment)] = copy.row(after)
    for piece in pieces(file, start + at, size - at):
        crc = zlib.crc32(piece, crc)
    return rows, crc
