"""The code that what Keras says goes through before it is kept: other code may say it otherwise."""

from __future__ import annotations

import functools
import hashlib
import os

# What reads models and builds them. A test holds the list against what these modules import.
MODULES = (
    "backend/allowed_configs.py",
    "backend/applications.py",
    "backend/arguments.py",
    "backend/bases.py",
    "backend/copying.py",
    "backend/fixes.py",
    "backend/functions.py",
    "backend/keras_2_configs.py",
    "backend/output_counts.py",
    "backend/reader.py",
    "backend/rebuilding.py",
    "backend/saved_code.py",
    "backend/saved_models.py",
    "backend/shapes.py",
    "backend/state.py",
    "backend/store.py",
    "backend/symbolic.py",
    "backend/writer.py",
    "continued.py",
    "graph.py",
    "graph_json.py",
    "joining.py",
    "known_bases.py",
    "known_calls.py",
    "layer_spec.py",
    "node.py",
)


@functools.cache
def code_checksum() -> str:
    """A checksum of that code. To read it takes a part of a millisecond, so no version has to be raised by hand."""
    folder = os.path.dirname(os.path.abspath(__file__))
    found = hashlib.blake2b(digest_size=16)
    for name in MODULES:
        try:
            with open(os.path.join(folder, *name.split("/")), "rb", buffering=0) as stream:
                found.update(stream.read())
        except OSError:  # a package without its source, which another version replaces as a whole
            return _version()
        found.update(b"\0")
    return found.hexdigest()


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("spec-compiler")
    except metadata.PackageNotFoundError:
        return "unknown"
