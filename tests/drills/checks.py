"""What must hold of a folder whatever happened to the commands that wrote there."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

from spec_compiler.weights.checksum import checksum


class Failed(AssertionError):
    """Something that must hold does not."""


def files(folder: Path) -> Iterator[Path]:
    """Every file below a folder that is not in a private folder of a writer."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(".partial-") for part in path.parts):
            yield path


def check_whole(folder: Path) -> None:
    """Every file can be read to its end.

    Raises:
        Failed: one cannot.
    """
    for path in files(folder):
        try:
            _read(path)
        except Exception as error:
            raise Failed(f"half a file: {path} ({error!r})") from error


def _read(path: Path) -> None:
    match path.suffix:
        case ".keras" | ".npz":
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
        case ".json" | ".lock":
            json.loads(path.read_text())
        case ".svg":
            assert path.read_text().rstrip().endswith("</svg>")
        case ".html":
            assert path.read_text().rstrip().endswith("</html>")
        case ".png":
            with Image.open(path) as image:
                image.load()
        case ".csv":
            rows = list(csv.reader(path.read_text().splitlines()))
            assert len({len(row) for row in rows}) == 1
            assert path.read_text().endswith("\n")
        case ".txt" | ".dot" | ".mmd":
            assert path.read_text().endswith("\n")


def check_clean(folder: Path) -> None:
    """Nothing is left over, neither where files go nor among the temporary ones.

    Raises:
        Failed: something is.
    """
    temporary = Path(f"{folder}.tmp")
    left = [str(path) for path in folder.rglob("*") if path.name.startswith(".partial") or path.suffix == ".tmp"]
    left += [str(path) for path in temporary.iterdir()] if temporary.exists() else []
    if left:
        raise Failed(f"left over: {', '.join(left)}")


def check_pair(model: Path, ledger: Path) -> None:
    """The model and the ledger beside it come from one build, if both are there.

    Raises:
        Failed: they do not.
    """
    if not model.exists() or not ledger.exists():
        return
    with zipfile.ZipFile(model) as archive:
        config = json.loads(archive.read("config.json"))
    names = {each["config"]["name"] for each in config["config"]["layers"]}
    rows = json.loads(ledger.read_text())["rows"]
    strange = {row["layer"] for row in rows if row["action"] != "dropped"} - names
    if strange:
        raise Failed(f"{ledger} is of another model: it has {strange}, the model {names}")


def check_shards(index: Path, ledger: Path) -> None:
    """The files of an index are all there, no other of its names is, and the ledger beside it is theirs.

    Raises:
        Failed: it is not so.
    """
    if not index.exists():
        return
    listed = json.loads(index.read_text())["weight_map"].values()
    names = {name for each in listed for name in (each if isinstance(each, list) else [each])}
    there = {path.name for path in index.parent.glob("many_*.weights.h5")}
    if names != there:
        raise Failed(f"{index} names {sorted(names)}, and {sorted(there)} are there")
    found: set[str] = set()
    for name in names:
        with h5py.File(index.parent / name) as file:
            file.visititems(lambda at, each: found.add(checksum(each[()])) if isinstance(each, h5py.Dataset) else None)
    if ledger.exists():
        rows = json.loads(ledger.read_text())["rows"]
        said = {row["result_checksum"] for row in rows if row.get("result_checksum")}
        if said != found:
            raise Failed(f"{ledger} is of other weights than {index}")


def check_artefact(output: Path) -> None:
    """An artefact and its card are both there and of one export, or the artefact is not there.

    Raises:
        Failed: they are not.
    """
    card = output / "assets.extra" / "card.json" if not output.suffix else Path(f"{output}.json")
    if not output.exists():
        return
    if not card.exists():
        raise Failed(f"{output} is there without its card")
    folder = output if output.is_dir() else output.parent
    said = json.loads(card.read_text())["files"]
    found = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in said if (folder / name).exists()
    }
    if found != said:
        raise Failed(f"{card} is of another export than {output}")


def bits(model: Path) -> dict[str, tuple[str, bytes]]:
    """Every array in an archive, by its place, with its type. How HDF5 lays them out may differ."""
    found: dict[str, tuple[str, bytes]] = {}

    def visit(name: str, each: Any) -> None:
        if isinstance(each, h5py.Dataset):
            found[name] = (str(each.dtype), each[()].tobytes())

    with zipfile.ZipFile(model) as archive:
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
            weights.visititems(visit)
        if "spec_compiler.npz" in archive.namelist():
            with np.load(io.BytesIO(archive.read("spec_compiler.npz"))) as state:
                found |= {name: (str(each.dtype), each.tobytes()) for name, each in state.items()}
    return found


def mounted(path: Path, options: str) -> bool:
    """Whether a small file system in memory could be put at a path; only an administrator may."""
    path.mkdir(exist_ok=True)
    return os.system(f"mount -t tmpfs -o {options} drill '{path}' 2>/dev/null") == 0


def unmounted(path: Path) -> None:
    """Takes such a file system away."""
    os.system(f"umount -l '{path}'")
