"""Checkpoints of a run: one `.keras` file that holds the model, the optimizer's state and where training stands.

Everything is in one file that takes its place in one step, so that a kill at any moment leaves either the old
checkpoint or the new one. Keras reads the file as any other model and ignores the member that is ours.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from spec_compiler.diagnostics import SpecError
from spec_compiler.whole import whole_file

STATE = "spec_compiler.json"
ARRAYS = "spec_compiler.npz"

Array = np.ndarray[Any, Any]
_FULL = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_OF_ARCHIVES = (zipfile.BadZipFile, zlib.error, struct.error, OverflowError)  # what a damaged one raises besides


def save(model: Any, path: str, state: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> None:
    """Saves the compiled model with its optimizer, the state as JSON and arrays beside it, whole or not at all.

    Raises:
        SpecError: SC608 where the disk is full or the place cannot be written.
    """
    with replacing(path) as temporary:
        type(model).save(model, temporary)  # not as `saving_whole` has it
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(STATE, json.dumps(state))
            if arrays:
                buffer = io.BytesIO()
                np.savez(buffer, allow_pickle=False, **dict(arrays))
                archive.writestr(ARRAYS, buffer.getvalue())


def copy_model(source: str, target: str, state: Mapping[str, Any]) -> None:
    """Copies the model in a checkpoint, with another state beside it.

    Raises:
        SpecError: SC608.
    """
    with replacing(target) as temporary, zipfile.ZipFile(source) as old, zipfile.ZipFile(temporary, "w") as new:
        for member in old.infolist():
            if member.filename not in (STATE, ARRAYS):
                with old.open(member) as stream, new.open(member, "w", force_zip64=True) as copy:
                    shutil.copyfileobj(stream, copy)
        new.writestr(STATE, json.dumps(state))


@contextlib.contextmanager
def saving_whole(model: Any) -> Iterator[None]:
    """What callbacks save of a model, as `ModelCheckpoint` does, is written whole or not at all."""

    def whole(save: Callable[..., None]) -> Callable[..., None]:
        def written(filepath: Any, *arguments: Any, **options: Any) -> None:
            if not isinstance(filepath, str | os.PathLike) or "://" in str(filepath):
                save(filepath, *arguments, **options)
                return
            with replacing(os.fspath(filepath)) as temporary:
                save(temporary, *arguments, **options)

        return written

    for name in ("save", "save_weights"):
        setattr(model, name, whole(getattr(model, name)))
    try:
        yield
    finally:
        for name in ("save", "save_weights"):
            delattr(model, name)


def read_state(path: str) -> tuple[dict[str, Any], dict[str, Array]] | None:
    """What `save` put beside the model; None where the file is no whole `.keras` file that it wrote."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                return None
            state: dict[str, Any] = json.loads(archive.read(STATE))
            arrays: dict[str, Array] = {}
            if ARRAYS in archive.namelist():
                with np.load(io.BytesIO(archive.read(ARRAYS))) as stored:
                    arrays = {name: stored[name] for name in stored.files}
            return state, arrays
    except (OSError, LookupError, ValueError, TypeError, RuntimeError, EOFError, *_OF_ARCHIVES):
        return None


def marks(path: str) -> Mapping[str, Any]:
    """What a saved model says of the run that made it, `class_names` and `images`; empty where none of ours did."""
    found = read_state(path) if zipfile.is_zipfile(path) else None
    return found[0] if found else {}


def class_names(path: str) -> tuple[str, ...] | None:
    """The names of the classes that a saved model was trained on, if it is one of ours."""
    return tuple(marks(path).get("class_names", ())) or None


@contextlib.contextmanager
def replacing(path: str) -> Iterator[str]:
    """A temporary file beside a file, whose place it takes once it is complete and on the disk.

    Raises:
        SpecError: SC608.
    """
    try:
        with whole_file(path, durable=True) as temporary:
            yield temporary
    except OSError as error:
        raise unwritable(error, path) from None


def write_text(path: str, text: str) -> None:
    """Writes a text file whole or not at all.

    Raises:
        SpecError: SC608.
    """
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as stream:
        stream.write(text)


def of_the_disk(error: Exception) -> bool:
    """Whether an error, of whatever kind, comes of a file that could not grow: TensorFlow has its own kinds."""
    return any(text in str(error) for text in _FULL)


def unwritable(error: Exception, path: str) -> SpecError:
    """SC608 for a file that could not be written."""
    full = (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)) or "No space left" in str(error)
    if full:
        help = "make room and continue with `--resume`; the last complete checkpoint is kept"
        return SpecError.single("SC608", f"no space left on the disk for `{path}`", help=help)
    said = error.strerror if isinstance(error, OSError) else ""
    reason = next((text for text in _FULL if text in str(error)), "") or said or str(error).split("\n")[0]
    return SpecError.single("SC608", f"`{path}` cannot be written: {reason}")
