"""The code that what Keras says goes through before it is kept: other code may say it otherwise."""

from __future__ import annotations

import functools
import hashlib
import os

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What reads models and builds them, what graphs are, and how both are kept.
ROOMS = ("backend/models", "graph", "memory")
MODULES = (
    "backend/application_bases.py",
    "backend/bases.py",
    "backend/file_bases.py",
    "backend/loaded_base.py",
    "backend/saved_models.py",
)


@functools.cache
def code_checksum() -> str:
    """A checksum of that code. To read it takes a part of a millisecond, so no version has to be raised by hand."""
    checksum = hashlib.blake2b(digest_size=16)
    try:
        for name in modules():
            with open(os.path.join(_PACKAGE, *name.split("/")), "rb", buffering=0) as stream:
                checksum.update(name.encode() + b"\0" + stream.read())
    except OSError:  # a package without its source, which another version replaces as a whole
        return _version()
    return checksum.hexdigest()


def modules() -> tuple[str, ...]:
    """The modules of that code, as paths in the package.

    Raises:
        OSError: a room is not there.
    """
    rooms = {room: sorted(os.listdir(os.path.join(_PACKAGE, *room.split("/")))) for room in ROOMS}
    return (*(f"{room}/{name}" for room, names in rooms.items() for name in names if name.endswith(".py")), *MODULES)


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("spec-compiler")
    except metadata.PackageNotFoundError:
        return "unknown"
