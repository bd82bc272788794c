"""Files that the commands write: never over another file unless asked, and never half a file."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from spec_compiler.diagnostics import SpecError
from spec_compiler.files.whole import sweep, whole_files
from spec_compiler.locking.provenance import MEMBER
from spec_compiler.reading.archive import append

_FULL = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


def ledger_name(output: str) -> str:
    """The ledger's file beside a model's: `model.keras` -> `model.ledger.json`."""
    return os.path.splitext(output)[0] + ".ledger.json"


def ready(path: str, force: bool, suffixes: tuple[str, ...]) -> None:
    """Checks, before any work, that a file may be written; its folder is made with it where there is none.

    Raises:
        SpecError: SC508.
    """
    if not path.endswith(suffixes):
        raise SpecError.single(
            "SC508",
            f"`{path}` does not end in {' or '.join(suffixes)}",
            help=f"name it `{os.path.splitext(path)[0]}{suffixes[0]}`",
        )
    folder = os.path.dirname(path)
    while folder and not os.path.lexists(folder):  # a link that leads nowhere is no folder to be made
        folder = os.path.dirname(folder)
    folder = folder or "."
    if not os.path.isdir(folder):
        raise SpecError.single("SC508", f"`{folder}` is a file, not a folder", help="name a folder")
    if os.path.isdir(path):
        raise SpecError.single("SC508", f"`{path}` is a folder")
    if os.path.exists(path) and not os.path.isfile(path):
        raise SpecError.single("SC508", f"`{path}` is no ordinary file", help="name another file")
    if os.path.lexists(path) and not force:
        raise _exists(path)
    if not os.access(folder, os.W_OK):
        raise SpecError.single("SC508", f"the folder `{folder}` cannot be written")
    sweep(folder)  # what a killed command left half written


def _exists(path: str) -> SpecError:
    return SpecError.single(
        "SC508", f"`{path}` already exists", help="add `--force` to overwrite it, or name another file"
    )


@contextlib.contextmanager
def together(paths: Sequence[str], force: bool) -> Iterator[tuple[str, ...]]:
    """Temporary files in the same folders that take the places of files that belong together, all of them or none.

    Raises:
        SpecError: SC508.
    """
    try:
        with whole_files(paths, replace=force) as temporaries:
            yield temporaries
    except FileExistsError:  # it came in the meantime
        raise _exists(next((path for path in paths if os.path.lexists(path)), paths[0])) from None
    except OSError as error:
        named = next((path for path in paths if os.path.basename(path) == os.path.basename(_file_of(error))), paths[0])
        raise SpecError.single("SC508", f"`{named}` cannot be written: {reason(error)}") from None


def _file_of(error: OSError) -> str:
    return os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""


def reason(error: OSError) -> str:
    """Why a file could not be written, in a few words; libraries say it in many.

    >>> reason(OSError(errno.EACCES, "Permission denied"))
    'Permission denied'
    """
    return next((text for text in _FULL if text in str(error)), "") or error.strerror or str(error).split("\n")[0]


def save_build(
    model: Any,
    path: str,
    ledger: Any,
    ledger_path: str,
    force: bool,
    adapters: str | None = None,
    provenance: Callable[[bytes], bytes] | None = None,
) -> None:
    """Saves a Keras model, the ledger of its weights, and where it is asked for what its LoRA holds: all or none.

    `provenance` says where a `.keras` file comes from, of the content of the ledger's file.

    Raises:
        SpecError: SC508; SC516 for a model without LoRA.
    """
    learned = _adapters_of(model) if adapters else b""
    content = ledger_content(ledger)
    said = provenance(content) if provenance is not None and path.endswith(".keras") else None
    with together((path, ledger_path, *([adapters] if adapters else [])), force) as (
        for_model,
        for_ledger,
        *for_adapters,
    ):
        for each in for_adapters:
            Path(each).write_bytes(learned)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _save_model(model, for_model)
        if said is not None:
            append(for_model, {MEMBER: said})
        Path(for_ledger).write_bytes(content)


def ledger_content(ledger: Any) -> bytes:
    """What the file of a ledger holds."""
    return (json.dumps(ledger, indent=1) + "\n").encode()


def _adapters_of(model: Any) -> bytes:
    from spec_compiler.backend.weights.lora_files import content, trainable_names  # starts Keras

    return content(model, trainable_names(model))


def _save_model(model: Any, path: str) -> None:
    if path.endswith(".keras"):
        model.save(path)
        return
    from spec_compiler.backend.models.legacy_saving import legacy_file  # starts Keras

    Path(path).write_bytes(legacy_file(model))


def save_text(text: str, path: str, force: bool) -> None:
    """Saves a text whole or not at all."""
    save_bytes(text.encode(), path, force)  # its line breaks stay `\n` on every system


def save_bytes(content: bytes, path: str, force: bool) -> None:
    """Saves bytes whole or not at all."""
    with together((path,), force) as (temporary,):
        Path(temporary).write_bytes(content)
