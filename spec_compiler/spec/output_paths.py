"""Proves that what a command writes is neither one of the files that it reads nor twice the same file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from spec_compiler.diagnostics import SpecError
from spec_compiler.files.suffixes import SPEC_SUFFIXES
from spec_compiler.spec import Spec, load_spec
from spec_compiler.text.source import texts_in

Identity = tuple[int, int]


def check_outputs(outputs: Sequence[str], inputs: Iterable[str] = (), spec: Spec | None = None) -> None:
    """Checks that each output is a file of its own: no other output, no input, no file that the spec names.

    Links are followed, letters of both cases are the same: a file system may see them so.

    Raises:
        SpecError: SC508.
    """
    places: dict[str, str] = {}
    files: dict[Identity, str] = {}
    for output in outputs:
        folder, name = os.path.split(os.path.abspath(output))
        place = os.path.join(os.path.realpath(folder), name).casefold()
        identity = _identity(output)
        other = places.get(place) or (files.get(identity) if identity else None)
        if other is not None:
            raise SpecError.single("SC508", f"`{other}` and `{output}` are one file", help="name two files")
        places[place] = output
        if identity:
            files[identity] = output
    if not files:  # nothing there that could be read
        return
    for path in (*inputs, *(files_named(spec, set()) if spec is not None else ())):
        identity = _identity(path)
        if identity in files:
            message = f"`{files[identity]}` is read as well, it would be overwritten"
            if os.path.abspath(files[identity]) != os.path.abspath(path):
                message = f"`{files[identity]}` is the same file as `{os.path.relpath(path)}`, which is read"
            raise SpecError.single("SC508", message, help="name another file")


def files_named(spec: Spec, seen: set[str]) -> Iterator[str]:
    """The spec's own file, and every text in it, or in a spec that it starts from, that is the name of a file.

    Any text: no list of fields can be forgotten here, and none of them is a reason to write over a file.
    """
    if spec.source.file:
        seen.add(os.path.realpath(spec.source.file))
        yield spec.source.file
    yield from spec.source.imported
    if spec.policy is not None and spec.policy.source.file:
        yield spec.policy.source.file
    for text in texts_in(spec.source.data):
        path = spec.source.folder.place(text)  # most are no names of files, and then nothing is there
        if _identity(path) is None:
            continue
        yield path
        real = os.path.realpath(path)
        if path.endswith(SPEC_SUFFIXES) and real not in seen:
            seen.add(real)
            try:
                other = load_spec(path)
            except (SpecError, OSError):
                continue  # it is said where it is read
            yield from files_named(other, seen)


def _identity(path: str) -> Identity | None:
    """The file itself, whatever its names are; None where there is none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # ValueError: a null byte
        return None
    return status.st_dev, status.st_ino
