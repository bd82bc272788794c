"""What a file of Keras 3's format holds of a layer beside its variables, given to the layer as Keras does it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spec_compiler.backend.models.state import StateLost, keras_says, loads_itself
from spec_compiler.backend.weights.files.store import Array, Store
from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph

OLDER = "_layer_checkpoint_dependencies/"


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
        arrays: dict[str, Array] = {}
        for key in self.store.arrays_in(place):
            arrays[key] = self.store.read(f"{place}/{key}")
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
    with tempfile.TemporaryDirectory() as folder:
        saveable.save_assets(folder)
        return bool(os.listdir(folder))


def _unpacked(store: Store, group: str, folder: str) -> int:
    """Writes the archive's files of a group into a folder; how many there are."""
    members = list(_members(store.members, group))
    for name, file in members:
        with open(os.path.join(folder, file), "wb") as stream:
            stream.write(store.asset(name))
    return len(members)


def _members(names: Collection[str], group: str) -> Iterator[tuple[str, str]]:
    """The archive's files right below a group, with their plain names."""
    start = f"assets/{group.rstrip('/')}/"
    for name in names:
        file = name.removeprefix(start)
        if name.startswith(start) and file not in ("", ".", "..") and "/" not in file and "\\" not in file:
            yield name, file


def layer_groups(graph: Graph, *, older: bool = False) -> Iterator[tuple[str, str]]:
    """Every layer of a base with its group in a Keras 3 file, those of nested models as `outer/inner`.

    `older`: as the first versions of Keras 3 called the outermost group.
    """
    for layer in graph.layers.values():
        if layer.stored.group is not None:
            group = layer.stored.group.replace("layers/", OLDER, 1) if older else layer.stored.group
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
    needed = [layer for layer in result.layers.values() if layer.stored.assets and not layer.is_new]
    for layer in needed:
        group = (groups or {}).get(layer.name)
        for each in layer.stored.assets:
            if group is None or f"assets/{group}/{each}" not in (there or ()):
                raise SpecError.single(
                    "SC512",
                    f"the kept layer `{layer.name}` needs its `{each}`, which {text} does not hold",
                    notes=[
                        "Keras saves it in a `.keras` archive only, or in the config of a layer made with `vocabulary=`"
                    ],
                    help="leave `weights` out, then the saved model brings it"
                    if there is None
                    else "save the whole model as `.keras` and name that as `base: {file: …}`, or cut the layer off",
                )
