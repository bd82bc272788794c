"""What Keras writes a model or its weights into: which format a file has, where the config is, where the weights."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from spec_compiler.reading.archive import SIGNATURE as ZIP
from spec_compiler.reading.archive import ends_as_archive, open_archive
from spec_compiler.reading.damage import Damaged, Hostile, reading, regular_file
from spec_compiler.reading.text import MAX_BYTES, parsed_json

Format = Literal["keras", "hdf5"]

CONFIG = "config.json"
WEIGHTS = "model.weights.h5"
SAFETENSORS = ".safetensors"
HDF5 = b"\x89HDF\r\n\x1a\n"  # not from `hdf5`, as h5py takes 0.1 s to load


def format_of(path: str) -> Format:
    """Which of the two formats a file has, by how it begins: both may have anything before or after them, Keras's not.

    Raises:
        Damaged: it has neither.
        Hostile: it is both, and who reads it by its name, as Keras does, would read another model.
    """
    regular_file(path)
    with reading(), open(path, "rb") as stream:
        start = stream.read(len(HDF5))
    if start == HDF5:
        if ends_as_archive(path):
            raise Hostile("it is HDF5 and an archive at once")
        return "hdf5"
    if start.startswith(ZIP):
        return "keras"
    raise Damaged("it is empty" if not start else "it is neither a `.keras` archive nor HDF5")


def config_text(path: str) -> tuple[Format, str | bytes | None, str]:
    """The format of a saved model, its config, None in HDF5 that holds weights only, and the version of Keras.

    Raises:
        Damaged: it is damaged.
        Hostile: it is made to lead a reader astray.
    """
    if format_of(path) == "keras":
        with open_archive(path) as archive:
            if CONFIG not in archive:
                raise Damaged(f"the archive has no `{CONFIG}`")
            return "keras", archive.read(CONFIG, MAX_BYTES), "3"
    from spec_compiler.reading.hdf5 import open_hdf5  # h5py takes 0.1 s to load, and `.keras` needs none of it here

    with open_hdf5(path) as store:
        text = store.attribute("", "model_config", only_one=True)
        version = store.attribute("", "keras_version", only_one=True)
    if not isinstance(text, str | None):
        raise Damaged("its `model_config` is no text")
    return "hdf5", text, str(version or "2")


def config_hash(path: str) -> tuple[Format, str] | None:
    """The format of a saved model, and a hash of the config that its graph is made from; None where it has none.

    Raises:
        Damaged: it is damaged.
        Hostile: it is made to lead a reader astray.
    """
    kind, text, _ = config_text(path)
    if text is None:
        return None
    with reading("its config"):
        return kind, hashlib.sha256(text.encode("utf-8") if isinstance(text, str) else text).hexdigest()


def parsed_config(text: str | bytes) -> dict[str, Any]:
    """A model's config.

    Raises:
        Damaged: it is none.
        Hostile: it is larger or deeper than that of any model.
    """
    config = parsed_json(text)
    if not isinstance(config, dict):
        raise Damaged("its config is no mapping")
    return config
