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
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from spec_compiler.diagnostics import SpecError
from spec_compiler.files.whole import whole_file
from spec_compiler.reading import Damaged
from spec_compiler.reading.archive import append, copied, open_archive
from spec_compiler.reading.arrays import read_npz
from spec_compiler.reading.text import MAX_BYTES, parsed_json

STATE = "spec_compiler.json"
ARRAYS = "spec_compiler.npz"
_MAX_ARRAYS = 1 << 30  # what callbacks and random generators know; the weights are not among it

Array = np.ndarray[Any, Any]
_FULL = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


def save(
    model: Any,
    path: str,
    state: Mapping[str, Any],
    arrays: Mapping[str, Array] | None = None,
    beside: Mapping[str, bytes] | None = None,
) -> None:
    """Saves the compiled model with its optimizer, state as JSON, arrays and members beside it, whole or not at all.

    Raises:
        SpecError: SC608 where the disk is full or the place cannot be written.
    """
    with replacing(path) as temporary:
        type(model).save(model, temporary)  # not as `saving_whole` has it
        members: dict[str, str | bytes] = {STATE: json.dumps(state), **(beside or {})}
        if arrays:
            buffer = io.BytesIO()
            np.savez(buffer, allow_pickle=False, **dict(arrays))
            members[ARRAYS] = buffer.getvalue()
        append(temporary, members)


def copy_model(source: str, target: str, state: Mapping[str, Any]) -> None:
    """Copies the model in a checkpoint, with another state beside it.

    Raises:
        SpecError: SC608.
    """
    with replacing(target) as temporary:
        copied(source, temporary, without=(STATE, ARRAYS))
        append(temporary, {STATE: json.dumps(state)})


@contextlib.contextmanager
def saving_whole(model: Any) -> Iterator[None]:
    """What callbacks save of a model, as `ModelCheckpoint` does, is written whole or not at all."""

    def written(save: Callable[..., None], filepath: Any, *arguments: Any, **options: Any) -> None:
        if not isinstance(filepath, str | os.PathLike) or "://" in str(filepath):
            save(filepath, *arguments, **options)  # an address such as `gs://…`, where only TensorFlow can write
            return
        with replacing(os.fspath(filepath)) as temporary:
            save(temporary, *arguments, **options)

    model.save, model.save_weights = partial(written, model.save), partial(written, model.save_weights)
    try:
        yield
    finally:
        del model.save, model.save_weights


def read_state(path: str) -> tuple[dict[str, Any], dict[str, Array]] | None:
    """What `save` put beside the model; None where the file is no whole `.keras` file that it wrote."""
    try:
        with open_archive(path) as archive:
            if STATE not in archive:
                return None
            state = parsed_json(archive.read(STATE, MAX_BYTES))
            arrays = read_npz(archive.read(ARRAYS, _MAX_ARRAYS)) if ARRAYS in archive else {}
            for member in archive.members:
                archive.prove(member)
    except Damaged:
        return None
    return (state, arrays) if isinstance(state, dict) else None


def marks(path: str) -> Mapping[str, Any]:
    """What a saved model says of the run that made it, `class_names` and `images`; empty where none of ours did."""
    state, _ = read_state(path) or ({}, {})
    return state


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
