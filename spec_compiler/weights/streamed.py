"""A result's model file, written from the source of its weights, array by array, in pieces: they are never all held.

A `.keras` archive, a `.weights.h5` file, several of these with an index, or a `.safetensors` file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spec_compiler.files.parts import INDEX, MAX_SHARD_SIZE, part_name
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Place
from spec_compiler.graph.model_config import model_config
from spec_compiler.plan.ledger import LedgerRow, WeightLedger
from spec_compiler.reading.model import CONFIG, SAFETENSORS, WEIGHTS
from spec_compiler.weights.assignments import sources_of
from spec_compiler.weights.files.named import names_of
from spec_compiler.weights.filling import Filling, Initial, Stored
from spec_compiler.weights.sources import WeightSource
from spec_compiler.writing.archive import ArchiveFile
from spec_compiler.writing.hdf5 import ALIGNMENT, write_frame
from spec_compiler.writing.model import METADATA, SAVED
from spec_compiler.writing.safetensors import write_header
from spec_compiler.writing.shards import index_of, split

Rows = Mapping[int, LedgerRow]


def write_streamed(
    path: str,
    base: Graph,
    result: Graph,
    source: WeightSource,
    initial: Initial,
    keras_version: str,
    beside: Callable[[WeightLedger], Mapping[str, bytes]] = lambda ledger: {},
    max_shard_size: float = MAX_SHARD_SIZE,
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
            return filling.ledger(base, _shards(filling, path, max_shard_size))
        with open(path, "wb+") as stream:
            if path.endswith(SAFETENSORS):
                return filling.ledger(base, _safetensors(filling, stream.fileno()))
            if path.endswith(".weights.h5"):
                return filling.ledger(base, _hdf5(filling, stream.fileno(), 0, filling.stored)[0])
            archive = ArchiveFile(stream.fileno())
            archive.add(METADATA, _json({"keras_version": keras_version, "date_saved": SAVED}))
            archive.add(CONFIG, _json(model_config(result)))
            start = archive.begin(WEIGHTS, ALIGNMENT)
            rows, crc, size = _hdf5(filling, archive.file, start, filling.stored)
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


def _hdf5(filling: Filling, file: int, start: int, stored: Sequence[Stored]) -> tuple[Rows, int, int]:
    """Some variables as an HDF5 file behind a place: their rows, its checksum and its size.

    Beside them stand the names that Keras writes of the model and of each layer, of all layers where all variables do.
    """
    groups = {name: f"{group}/vars" for name, group in filling.groups.items()}
    if len(stored) < len(filling.stored):
        own = {each.assignment.layer.name for each in stored}
        groups = {name: group for name, group in groups.items() if name in own}
    names = {group: {"name": filling.result.layers[name].name_in_keras} for name, group in groups.items()}
    attributes = {"vars": {"name": filling.result.name}, **names}
    places, size = write_frame(file, start, attributes, [each.room for each in stored])
    return *filling.fill(file, start, stored, places, size), size


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


def _shards(filling: Filling, path: str, max_shard_size: float) -> Rows:
    rows: dict[int, LedgerRow] = {}
    files = {}
    for number, part in enumerate(split([each.room for each in filling.stored], max_shard_size)):
        stored = [filling.stored[at] for at in part]
        name = part_name(path, number)
        with open(os.path.join(os.path.dirname(path), name), "wb+") as stream:
            rows |= _hdf5(filling, stream.fileno(), 0, stored)[0]
        files[name] = [each.room for each in stored]
    with open(path, "wb") as stream:
        stream.write(index_of(files))
    return rows
