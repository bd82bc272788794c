"""What a file of Keras 3's format holds of a layer beside its variables, given to the layer as Keras does it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spec_compiler.backend.models.state import keras_says, loads_itself
from spec_compiler.weights.files.store import Store
from spec_compiler.weights.state import Array, State, StateInFile, StateLost


def restorable(state: State | StateInFile) -> State:
    """A state that can give a layer what it knows."""
    return FileState(state) if isinstance(state, StateInFile) else state


@dataclass(frozen=True)
class FileState:
    """The state of one layer in an open file: its group there, and the archive's folder of the same name."""

    kept: StateInFile

    def wants(self, saveable: Any) -> bool:
        """Where its class loads itself in its own way, or Keras saves a kernel with LoRA matrices merged into it."""
        return loads_itself(saveable) or bool(getattr(saveable, "lora_enabled", False))

    def restore(self, prefix: str, saveable: Any) -> Mapping[str, Array]:
        """Loads this part as Keras does; the arrays that were read, by their places in the file."""
        store, group = self.kept.store, self.kept.group
        place = f"{group}/{prefix}vars"
        arrays = {key: store.read(f"{place}/{key}") for key in store.contents.arrays_in(place)}
        with keras_says():
            saveable.load_own_variables(arrays)
        if hasattr(saveable, "load_assets"):
            with tempfile.TemporaryDirectory() as folder:
                if not _unpacked(store, f"{group}/{prefix}", folder) and _needs_assets(saveable):
                    raise StateLost("the file has no `vocabulary.txt` for it")
                with keras_says():
                    saveable.load_assets(folder)
        return {f"{os.path.basename(self.kept.file)}:{place}/{key}": array for key, array in arrays.items()}

    def values(self) -> Mapping[str, Array]:
        """None: Keras saves no variables that a layer does not count among its own."""
        return {}


def _needs_assets(saveable: Any) -> bool:
    # by trying: a lookup layer made with `vocabulary=` saves nothing (`keras/src/layers/preprocessing/index_lookup.py`)
    with tempfile.TemporaryDirectory() as folder:
        saveable.save_assets(folder)
        return bool(os.listdir(folder))


def _unpacked(store: Store, group: str, folder: str) -> bool:
    """Writes the archive's files right below a group into a folder; whether there are any."""
    start = f"assets/{group.rstrip('/')}/"
    files = [name.removeprefix(start) for name in store.members if name.startswith(start)]
    files = [file for file in files if file not in ("", ".", "..") and "/" not in file and "\\" not in file]
    for file in files:
        Path(folder, file).write_bytes(store.asset(f"{start}{file}"))
    return bool(files)
