"""A result's model file, written from the source of its weights, array by array, in pieces: they are never all held.

A `.keras` archive, a `.weights.h5` file, several of these with an index, or a `.safetensors` file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from spec_compiler.files.parts import INDEX, MAX_SHARD_SIZE, part_name
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Place
from spec_compiler.graph.model_config import model_config
from spec_compiler.plan.ledger import LedgerRow, WeightLedger
from spec_compiler.reading.model import CONFIG, SAFETENSORS, WEIGHTS
from spec_compiler.weights.assignments import sources_of
from spec_compiler.weights.checksum import Array
from spec_compiler.weights.files.named import names_of
from spec_compiler.weights.filling import Filling, Initial, Stored
from spec_compiler.weights.sources import WeightSource
from spec_compiler.writing.archive import ArchiveFile, write_at
from spec_compiler.writing.hdf5 import ALIGNMENT, ArrayRoom, write_frame
from spec_compiler.writing.model import METADATA, SAVED
from spec_compiler.writing.safetensors import write_header
from spec_compiler.writing.shards import index_of, split

Rows = Mapping[int, LedgerRow]


class Compiled(NamedTuple):
    """What a compiled model has beside its layers: a config, and groups with what is written of them, and arrays."""

    config: Mapping[str, Any]
    groups: Mapping[str, Mapping[str, Any]]
    arrays: Mapping[str, Array]


def write_streamed(
    path: str,
    base: Graph,
    result: Graph,
    source: WeightSource,
    initial: Initial,
    keras_version: str,
    beside: Callable[[WeightLedger], Mapping[str, bytes]] = lambda ledger: {},
    max_shard_size: float = MAX_SHARD_SIZE,
    compiled: Compiled | None = None,
) -> WeightLedger:
    """Writes a result in the format that its name says, and says what became of every variable.

    `initial` gives what makes the values that the initializer of a variable gives for a shape. `beside` makes members
    that an archive holds besides; of several files none has more than `max_shard_size` GB. `check_streamed` has found
    nothing wrong.

    Raises:
        SpecError: SC502, SC514, the source is damaged; SC508, a variable is larger than one of several files may be.
        TransferError: what is in the file is not what was read.
        OSError: it cannot be written.
    """
    with source.opened(_read(result)) as opened:
        filling = Filling(result, source, opened, initial)  # first: what is begun may not be known
        if path.endswith(INDEX):
            return filling.ledger(base, _shards(filling, path, max_shard_size, compiled))
        with open(path, "wb+") as stream:
            if path.endswith(SAFETENSORS):
                return filling.ledger(base, _safetensors(filling, stream.fileno()))
            if path.endswith(".weights.h5"):
                return filling.ledger(base, _hdf5(filling, stream.fileno(), 0, filling.stored, compiled)[0])
            archive = ArchiveFile(stream.fileno())
            archive.add(METADATA, _json({"keras_version": keras_version, "date_saved": SAVED}))
            config = model_config(result)
            archive.add(CONFIG, _json(config if compiled is None else {**config, "compile_config": compiled.config}))
            start = archive.begin(WEIGHTS, ALIGNMENT)
            rows, crc, size = _hdf5(filling, archive.file, start, filling.stored, compiled)
            ledger = filling.ledger(base, rows)
            archive.finish(WEIGHTS, size, crc, ALIGNMENT)
            for name, data in beside(ledger).items():
                archive.add(name, data)
            archive.close()
    return ledger


def _read(result: Graph) -> set[Place]:
    """The places of the base that a result may be made of."""
    places = {place for layer in result.layers.values() for place in layer.all_places() if place is not None}
    return places | {place for layer in result.layers.values() for place in sources_of(layer)}


def _json(data: Any) -> bytes:
    return json.dumps(data).encode()


def _hdf5(
    filling: Filling, file: int, start: int, stored: Sequence[Stored], compiled: Compiled | None
) -> tuple[Rows, int, int]:
    """Some variables as an HDF5 file behind a place: their rows, its checksum and its size.

    Beside them stand the names that Keras writes of the model and of each layer, of all layers where all variables do.
    """
    groups = {name: f"{group}/vars" for name, group in filling.groups.items()}
    if len(stored) < len(filling.stored):
        own = {each.assignment.layer.name for each in stored}
        groups = {name: group for name, group in groups.items() if name in own}
    names = {group: {"name": filling.result.layers[name].name_in_keras} for name, group in groups.items()}
    attributes = {"vars": {"name": filling.result.name}, **names, **(compiled.groups if compiled is not None else {})}
    arrays = compiled.arrays if compiled is not None else {}
    rooms = [*(each.room for each in stored), *_rooms(arrays)]
    places, size = write_frame(file, start, attributes, rooms)
    for place, array in zip(places[len(stored) :], arrays.values(), strict=True):
        write_at(file, array.tobytes(), start + place)
    return *filling.fill(file, start, stored, places[: len(stored)], size), size


def _rooms(arrays: Mapping[str, Array]) -> list[ArrayRoom]:
    return [ArrayRoom(path, array.shape, str(array.dtype)) for path, array in arrays.items()]


def _safetensors(filling: Filling, file: int) -> Rows:
    names = {
        (layer.name, index): f"{layer.name_in_keras}/{name}"
        for layer in filling.result.layers.values()
        for name, index in names_of(layer).items()
    }
    stored = [
        Stored(each.room._replace(path=names[each.assignment.layer.name, each.assignment.index]), each.assignment)
        for each in filling.stored
    ]
    places, size = write_header(file, [each.room for each in stored])
    return filling.fill(file, 0, stored, places, size)[0]


def _shards(filling: Filling, path: str, max_shard_size: float, compiled: Compiled | None) -> Rows:
    """Several files with an index; what an optimizer holds comes last, as in Keras's."""
    rows: dict[int, LedgerRow] = {}
    files = {}
    rooms = [*(each.room for each in filling.stored), *_rooms(compiled.arrays if compiled is not None else {})]
    for number, part in enumerate(split(rooms, max_shard_size)):
        stored = filling.stored[part.start : part.stop]
        name = part_name(path, number)
        with open(os.path.join(os.path.dirname(path), name), "wb+") as stream:
            rows |= _hdf5(filling, stream.fileno(), 0, stored, _of_part(compiled, {rooms[at].path for at in part}))[0]
        files[name] = [rooms[at] for at in part]
    with open(path, "wb") as stream:
        stream.write(index_of(files))
    return rows


def _of_part(compiled: Compiled | None, paths: set[str]) -> Compiled | None:
    """What of it goes into one of several files."""
    if compiled is None:
        return None
    arrays = {path: array for path, array in compiled.arrays.items() if path in paths}
    groups = {group: said for group, said in compiled.groups.items() if any(f"{group}/" in each for each in arrays)}
    return Compiled(compiled.config, groups, arrays)
