"""Files that the commands write: never over another file unless asked, and never half a file."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any

from spec_compiler.diagnostics import SpecError
from spec_compiler.whole import whole_file


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
    while folder and not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    folder = folder or "."
    if not os.path.isdir(folder):
        raise SpecError.single("SC508", f"`{folder}` is a file, not a folder", help="name a folder")
    if os.path.isdir(path):
        raise SpecError.single("SC508", f"`{path}` is a folder")
    if os.path.exists(path) and not force:
        raise SpecError.single(
            "SC508", f"`{path}` already exists", help="add `--force` to overwrite it, or name another file"
        )
    if not os.access(folder, os.W_OK):
        raise SpecError.single("SC508", f"the folder `{folder}` cannot be written")


@contextlib.contextmanager
def whole(path: str) -> Iterator[str]:
    """A temporary file in the same folder that takes the file's place once it is complete.

    Raises:
        SpecError: SC508.
    """
    try:
        with whole_file(path) as temporary:
            yield temporary
    except OSError as error:
        raise SpecError.single("SC508", f"`{path}` cannot be written: {error.strerror or error}") from None


def save_model(model: Any, path: str) -> None:
    """Saves a Keras model whole or not at all."""
    import warnings

    with whole(path) as temporary, warnings.catch_warnings(), _legacy_format_unremarked():
        warnings.simplefilter("ignore")
        model.save(temporary)


@contextlib.contextmanager
def _legacy_format_unremarked() -> Iterator[None]:
    """Keras warns, through absl's logger, of the legacy format that the user asked for by its suffix."""
    import logging

    def other(record: logging.LogRecord) -> bool:
        return "saving your model as an HDF5 file" not in record.getMessage()

    logger = logging.getLogger("absl")
    logger.addFilter(other)
    try:
        yield
    finally:
        logger.removeFilter(other)


def save_text(text: str, path: str) -> None:
    """Saves a text whole or not at all."""
    with whole(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)


def save_json(data: Any, path: str) -> None:
    """Saves plain data whole or not at all."""
    save_text(json.dumps(data, indent=1) + "\n", path)
