"""SC621: the same image to train on and to validate or test with, which makes the model look better than it is."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.files import HERE
from spec_compiler.training.folder import shown_path
from spec_compiler.training.samples import Parts, Samples
from spec_compiler.training.tables import said_of_rows

_BLOCK = 1 << 20


def twice(parts: Parts) -> tuple[Diagnostic, ...]:
    """A warning for each part that holds images of `train`, by their names or by their bytes."""
    if not parts.train.files:
        return ()
    sizes: dict[int, list[str]] = defaultdict(list)
    for path in dict.fromkeys(parts.train.files):
        sizes[_size(path)].append(path)
    digests: dict[str, bytes] = {}
    return tuple(_found(parts, sizes, digests))


def _found(parts: Parts, sizes: dict[int, list[str]], digests: dict[str, bytes]) -> Iterator[Diagnostic]:
    for key, part in (("validation", parts.validation), ("test", parts.test)):
        rows = [*_rows(part, sizes, digests)] if part is not None else []
        if not rows or part is None:
            continue
        what = "an image" if len(rows) == 1 else f"{len(rows)} images"
        verb = "is" if len(rows) == 1 else "are"
        message = f"{what} of the {key} {verb} among those to train on as well"
        help = "take them out of one of the two: the model has seen what it is measured on"
        path = ("data", part.key if part.key != "train" else "train")
        yield said_of_rows("SC621", message, path, rows, help)


def _rows(part: Samples, sizes: dict[int, list[str]], digests: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    for index, path in enumerate(part.files):
        # only files of one size can be the same
        for other in sizes.get(_size(path), ()):
            if path == other or _digest(path, digests) == _digest(other, digests):
                place = part.place(index)
                here = shown_path(path) if place == path else f"{place}: {shown_path(path)}"
                yield here, f"as `{shown_path(other)}`"
                break


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return -1


def _digest(path: str, digests: dict[str, bytes]) -> bytes:
    if path not in digests:
        digest = hashlib.blake2b(digest_size=16)
        try:
            with HERE.open(path) as stream:  # never a pipe that was put in its place
                while block := stream.read(_BLOCK):
                    digest.update(block)
        except OSError:
            digest.update(path.encode())  # it is the same as no other
        digests[path] = digest.digest()
    return digests[path]
