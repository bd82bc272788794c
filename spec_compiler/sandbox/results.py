"""The files that a process without rights made, given their names by the one that has them."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from collections.abc import Sequence

from spec_compiler.files.parts import is_part
from spec_compiler.files.whole import MANIFEST, whole_files


def _manifest(path: str) -> list[tuple[str, str]]:
    """Pairs of names, from a file that a process without rights wrote, so of whatever it likes."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise ValueError("it is no file")
            pairs = [(temporary, place) for temporary, place in json.loads(stream.read(1_000_000))]
        if not pairs or not all(isinstance(each, str) and "\0" not in each for pair in pairs for each in pair):
            raise ValueError("it is no list of names")
    except (OSError, ValueError, TypeError, RecursionError):
        raise PermissionError(errno.EPERM, "the sandbox does not say what it made", path) from None
    return pairs


def take_over(folder: str, allowed: Sequence[str], *, replace: bool) -> None:
    """Gives the files that another process made in a folder their names, which must be among those that are allowed.

    Raises:
        FileExistsError: one of them is there, and it is not to be replaced.
        OSError: a place cannot be written, or is not allowed.
    """
    pairs = _manifest(os.path.join(folder, MANIFEST))
    places = {os.path.abspath(each) for each in allowed}
    for temporary, place in pairs:
        file = os.lstat(temporary)
        inside = os.path.realpath(temporary).startswith(os.path.realpath(folder) + os.sep)
        # of a file with a second name nobody knows whose it is, as little as where a link leads
        is_ours = place in places or any(is_part(each, place) for each in places)
        if not is_ours or not inside or not stat.S_ISREG(file.st_mode) or file.st_nlink != 1:
            raise PermissionError(errno.EPERM, "the sandbox made a file that it should not", place)
    with whole_files([place for _, place in pairs], replace=replace) as targets:
        for (temporary, _), target in zip(pairs, targets, strict=True):
            shutil.copyfile(temporary, target, follow_symlinks=False)
