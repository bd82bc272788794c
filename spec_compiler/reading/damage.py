"""What is said of a file that cannot be read, whatever the library raised that found it out."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from spec_compiler.diagnostics import SpecError


class Damaged(Exception):
    """A file from elsewhere cannot be read as what it should be; the text is the reason, as a message ends."""

    code = "SC502"
    help: str | None = None

    def __init__(self, reason: str, help: str | None = None) -> None:
        super().__init__(reason)
        self.help = help or self.help


class Hostile(Damaged):
    """A file that no honest program writes: it leads to other files, or is to unpack to far more than it holds."""

    code = "SC514"
    help = "such a file is not what Keras writes: take it only from who made it, loaded and saved again by Keras"


@contextlib.contextmanager
def said_of(path: str, what: str, help: str) -> Iterator[None]:
    """Says which file it is that was found damaged inside; `what` it was to be read as, with its article.

    Raises:
        SpecError: SC502, SC514.
    """
    try:
        yield
    except Damaged as error:
        message = f"`{os.path.basename(path)}` cannot be read as {what}: {error}"
        raise SpecError.single(error.code, message, help=error.help or help) from None


@contextlib.contextmanager
def reading(part: str = "") -> Iterator[None]:
    """Around what a library does with bytes that may be damaged, and around nothing else: it may raise anything.

    Damaged HDF5 alone raises OSError, RuntimeError, KeyError, TypeError, ValueError, AttributeError, MemoryError,
    OverflowError and UnicodeDecodeError, each from deep inside of h5py; zip files NotImplementedError, zlib.error and
    struct.error besides. `part` says which part of the file it is.

    Raises:
        Damaged: whatever it raised.
    """
    try:
        yield
    except Damaged:
        raise
    except Exception as error:
        reason = _reason(error)
        raise Damaged(f"{part}: {reason}" if part else reason) from None


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = (str(error).strip() or type(error).__name__).split("\n")[0]
    if "truncated" in text or "EOF" in text:
        return "it is truncated"
    if "not a zip file" in text:
        return "it is truncated, as it has no list of its members"
    if "Bad CRC-32" in text:
        return "its checksum differs from the one that it was saved with"
    return text if len(text) <= 200 else f"{text[:200]} …"


def regular_file(path: str) -> os.stat_result:
    """What is known of a file that is no pipe and no device: opening one of those may wait for ever.

    Raises:
        Damaged: it is one, or not there.
    """
    with reading():
        status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise Damaged("it is not a regular file")
    return status


def megabytes(count: int) -> str:
    """A number of bytes in a message."""
    return f"{count / 1_000_000:,.0f} MB" if count >= 1_000_000 else f"{count:,} bytes"
