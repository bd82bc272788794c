"""What a file of Keras 3's format holds of a layer beside its variables, given to the layer as Keras does it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spec_compiler.backend.models.state import StateLost, keras_says, loads_itself
from spec_compiler.backend.weights.files.store import Array, Store
from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph

_OLDER = "_layer_checkpoint_dependencies/"


def older(place: str) -> str:
    """The same place in a file as the first versions of Keras 3 called it."""
    return place.replace("layers/", _OLDER, 1)


@dataclass(frozen=True)
class FileState:
    """The state of one layer in an open file: its group there, and the archive's folder of the same name."""

    store: Store
    file: str
    group: str

    def wants(self, saveable: Any) -> bool:
        """Where its class loads itself in its own way, or Keras saves a kernel with LoRA matrices merged into it."""
        return loads_itself(saveable) or bool(getattr(saveable, "lora_enabled", False))

    def restore(self, prefix: str, saveable: Any) -> Mapping[str, Array]:
        """Loads this part as Keras does; the arrays that were read, by their places in the file."""
        place = f"{self.group}/{prefix}vars"
        arrays = {key: self.store.read(f"{place}/{key}") for key in self.store.hdf5.arrays_in(place)}
        with keras_says():
            saveable.load_own_variables(arrays)
        if hasattr(saveable, "load_assets"):
            with tempfile.TemporaryDirectory() as folder:
                if not _unpacked(self.store, f"{self.group}/{prefix}", folder) and _needs_assets(saveable):
                    raise StateLost("the file has no `vocabulary.txt` for it")
                with keras_says():
                    saveable.load_assets(folder)
        return {f"{os.path.basename(self.file)}:{place}/{key}": array for key, array in arrays.items()}

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


def layer_groups(graph: Graph) -> Iterator[tuple[str, str]]:
    """Every layer of a base with its group in a Keras 3 file, those of nested models as `outer/inner`."""
    for layer in graph.layers.values():
        if (group := layer.stored.group) is not None:
            yield layer.name, group
            if layer.inner is not None:
                yield from ((f"{layer.name}/{name}", f"{group}/{inside}") for name, inside in layer_groups(layer.inner))


def check_assets(
    result: Graph, text: str, there: Collection[str] | None = None, groups: Mapping[str, str] | None = None
) -> None:
    """Proves that the source has the files, such as vocabularies, that kept layers need beside their variables.

    `text` is the source as a message says it, `there` what its archive holds; None where it is no file of the base.

    Raises:
        SpecError: SC512.
    """
    kept = [layer for layer in result.layers.values() if not layer.is_new]
    for name, asset in [(layer.name, asset) for layer in kept for asset in layer.stored.assets]:
        group = (groups or {}).get(name)
        if group is None or f"assets/{group}/{asset}" not in (there or ()):
            message = f"the kept layer `{name}` needs its `{asset}`, which {text} does not hold"
            note = "Keras saves it in a `.keras` archive only, or in the config of a layer made with `vocabulary=`"
            help = "save the whole model as `.keras` and name that as `base: {file: …}`, or cut the layer off"
            if there is None:
                help = "leave `weights` out, then the saved model brings it"
            raise SpecError.single("SC512", message, notes=[note], help=help)
