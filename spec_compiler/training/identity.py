"""What must be the same for a run to be continued, and what exactly is not: digests of every value that a spec says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from spec_compiler.diagnostics import Path, SpecError, dotted
from spec_compiler.spec import Spec

IMAGES: Path = ("data", "images")  # no key of a spec: what is in its folders, tables and files of arrays
_FREE = ("description", "vars", "expect")  # what uses a variable says its value
# No phase sees what tests, and a share of it is missing among `IMAGES`; what is held in memory is the same as in files.
_NO_MATTER: tuple[Path, ...] = (("data", "test"), ("data", "cache"))

Identity = dict[Path, str]


def identity(spec: Spec, images: str) -> Identity:
    """A digest of each value of the spec, by its path; `images` says what is in the folders, tables or files.

    How many epochs a phase has is left out: to raise it is to continue. So is what tests the model.
    """
    values = {key: value for key, value in spec.source.data.items() if key not in _FREE}
    said = {path: each for path, each in digests(values).items() if not _is_epochs(path) and path not in _NO_MATTER}
    return said | {IMAGES: _digest(images)}


def digests(data: Any) -> Identity:
    """A digest of each value in plain data, by its path."""
    return {path: _digest(value) for path, value in _leaves(data, ())}


def check_same(before: Identity, now: Identity, phase: int, folder: str) -> None:
    """Proves that a run that is in a phase would have come to the same point with another spec; later phases are free.

    Raises:
        SpecError: SC608 at the first value that differs.
    """
    differing = [path for path in {**now, **before} if before.get(path) != now.get(path) and not _later(path, phase)]
    if not differing:
        return
    if differing == [IMAGES]:
        message = f"the run in `{folder}` began with other data"
        help = "put the data back, or begin anew in another folder"
        raise SpecError.single("SC608", message, path=("data", "train"), help=help)
    names = [f"`{dotted(path)}`" for path in differing if path != IMAGES]
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    message = f"the run in `{folder}` began with another {', '.join(names[:4])}{more}"
    help = "continue it with the spec that it began with, or begin anew in another folder"
    raise SpecError.single("SC608", message, path=_there(differing[0], now), help=help)


def to_json(said: Identity) -> list[list[Any]]:
    """The digests as plain data."""
    return [[list(path), digest] for path, digest in said.items()]


def from_json(rows: list[list[Any]]) -> Identity:
    """The digests that `to_json` wrote."""
    return {tuple(path): digest for path, digest in rows}


def _later(path: Path, phase: int) -> bool:
    return len(path) > 1 and path[0] == "train" and isinstance(path[1], int) and path[1] > phase


def _is_epochs(path: Path) -> bool:
    return len(path) == 3 and path[0] == "train" and path[2] == "epochs"


def _there(path: Path, now: Identity) -> Path:
    """The path, or its nearest parent that the spec has."""
    while path and not any(known[: len(path)] == path for known in now):
        path = path[:-1]
    return path or ("train",)


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _leaves(part, (*path, str(key)))
    elif isinstance(value, list | tuple) and value:
        for index, part in enumerate(value):
            yield from _leaves(part, (*path, index))
    else:
        yield path, value


def _digest(value: Any) -> str:
    # `default`: YAML has dates, and a spec that is a Python dict may hold any object
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
