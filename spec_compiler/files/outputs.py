"""Files that are asked for by their names: never over another file unless that is meant, and never half a file."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence

from spec_compiler.diagnostics import SpecError
from spec_compiler.files.whole import Parts, no_parts, sweep, whole_files

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
def together(paths: Sequence[str], force: bool, parts: Parts = no_parts) -> Iterator[tuple[str, ...]]:
    """Temporary files in the same folders that take the places of files that belong together, all of them or none.

    `parts` is that of `whole_files`.

    Raises:
        SpecError: SC508.
    """
    try:
        with whole_files(paths, replace=force, parts=parts) as temporaries:
            yield temporaries
    except FileExistsError as error:  # it came in the meantime, or is named as a part of one
        place = error.filename2 or error.filename
        found = next((path for path in paths if os.path.lexists(path)), None)
        raise _exists(found or os.path.join(os.path.dirname(paths[0]), os.path.basename(os.fsdecode(place)))) from None
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
