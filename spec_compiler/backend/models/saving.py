"""A Keras model saved as Keras saves it, and so that the same model makes the same bytes."""

from __future__ import annotations

import json
import os
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.models.legacy_saving import legacy_file
from spec_compiler.backend.models.reader import read_graph
from spec_compiler.files.parts import INDEX, MAX_SHARD_SIZE
from spec_compiler.reading.model import CONFIG, SAFETENSORS, WEIGHTS
from spec_compiler.weights.files.named import names_of
from spec_compiler.writing.archive import ArchiveFile, write_at
from spec_compiler.writing.hdf5 import ALIGNMENT, ArrayRoom
from spec_compiler.writing.model import METADATA, SAVED
from spec_compiler.writing.safetensors import write_header
from spec_compiler.writing.shards import split

_PIECE = 8 << 20  # bytes


def save(model: Any, path: str, beside: Mapping[str, bytes], max_shard_size: float = MAX_SHARD_SIZE) -> None:
    """Saves a model as `.keras`, with members of ours beside Keras's, as legacy `.h5`, or its weights alone.

    Raises:
        SpecError: SC508, a variable is larger than one of several files may be.
        OSError: it cannot be written.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if path.endswith(".weights.h5"):
            model.save_weights(path)
        elif path.endswith(INDEX):
            _save_shards(model, path, max_shard_size)
        elif path.endswith(SAFETENSORS):
            _save_safetensors(model, path)
        elif path.endswith(".keras"):
            _save_archive(model, path, beside)
        else:
            Path(path).write_bytes(legacy_file(model))


def _save_shards(model: Any, path: str, max_shard_size: float) -> None:
    split([_room(each.path, each) for each in model.weights], max_shard_size)  # says what is too large for a file
    model.save_weights(path, max_shard_size=max_shard_size)


def _save_safetensors(model: Any, path: str) -> None:
    """Every weight under the name that `names_of` gives it, one after the other in memory."""
    graph = read_graph(model)
    found = [
        (f"{layer.name}/{name}", model.get_layer(layer.name).variables[index])
        for layer in graph.layers.values()
        for name, index in names_of(layer).items()
    ]
    with open(path, "wb+") as stream:
        places, _ = write_header(stream.fileno(), [_room(*each) for each in found])
        for place, (_, variable) in zip(places, found, strict=True):
            array = np.ascontiguousarray(keras.ops.convert_to_numpy(variable))
            write_at(stream.fileno(), array.reshape(-1).view(np.uint8).data, place)


def _room(name: str, variable: Any) -> ArrayRoom:
    return ArrayRoom(name, tuple(variable.shape), keras.backend.standardize_dtype(variable.dtype))


def _save_archive(model: Any, path: str, beside: Mapping[str, bytes]) -> None:
    """As Keras, less what its archives have of the clock and of the process."""
    own = f"{path}.of_keras.keras"  # in the same folder, which is private: as much room as the result needs
    try:
        model.save(own)
        with zipfile.ZipFile(own) as saved, open(path, "wb+") as stream:
            archive = ArchiveFile(stream.fileno())
            for member in sorted(saved.infolist(), key=lambda each: each.filename == WEIGHTS):
                if member.filename == WEIGHTS:
                    _copy(saved, member, archive)
                else:
                    change = _CHANGED.get(member.filename, bytes)
                    archive.add(member.filename, change(saved.read(member)))
            for name, data in beside.items():
                archive.add(name, data)
            archive.close()
    finally:
        if os.path.exists(own):
            os.unlink(own)


def _undated(metadata: bytes) -> bytes:
    return json.dumps({**json.loads(metadata), "date_saved": SAVED}).encode()


def numbered(config: Any) -> Any:
    """A config with objects that are shared by number; Keras calls them by where they are in memory."""
    numbers: dict[object, int] = {}

    def walked(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: numbers.setdefault(each, len(numbers)) if key == "shared_object_id" else walked(each)
                for key, each in value.items()
            }
        return list(map(walked, value)) if isinstance(value, list) else value

    return walked(config)


def _numbered(config: bytes) -> bytes:
    return json.dumps(numbered(json.loads(config))).encode()


_CHANGED = {METADATA: _undated, CONFIG: _numbered}


def _copy(saved: zipfile.ZipFile, member: zipfile.ZipInfo, archive: ArchiveFile) -> None:
    at = archive.begin(member.filename, ALIGNMENT)
    with saved.open(member) as stream:
        while piece := stream.read(_PIECE):
            write_at(archive.file, piece, at)
            at += len(piece)
    archive.finish(member.filename, member.file_size, member.CRC, ALIGNMENT)
