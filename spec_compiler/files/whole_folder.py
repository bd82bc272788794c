"""A folder that is written whole or not at all, as `whole.py` does it for files."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys
from collections.abc import Iterator

from spec_compiler.files.whole import undisturbed, workspace

_NO_REPLACE, _EXCHANGE = 1, 2  # of renameat2 (Linux 3.15)
_HERE = -100  # AT_FDCWD
_UNKNOWN = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)  # of a kernel or a file system that has no such flags


@contextlib.contextmanager
def whole_folder(path: str, *, replace: bool = False) -> Iterator[str]:
    """A folder of another name, beside, that takes this one's place at the end; on an exception nothing changes.

    With `replace` a folder that is there gives way in the same step, where the system has a step for that.

    Raises:
        FileExistsError: there is one, and it is not to be replaced.
        OSError: the place cannot be written.
    """
    place = os.path.abspath(path)
    with workspace(os.path.dirname(place)) as private:
        temporary = os.path.join(private, os.path.basename(place))
        os.mkdir(temporary)
        yield temporary
        with undisturbed():
            if replace and os.path.lexists(place):
                _exchange(temporary, place, os.path.join(private, "replaced"))
            else:
                _place(temporary, place)


def _exchange(temporary: str, place: str, aside: str) -> None:
    try:
        _rename(temporary, place, _EXCHANGE)
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise
        os.rename(place, aside)  # a kill between the two leaves none of them, never half of one
        os.rename(temporary, place)


def _place(temporary: str, place: str) -> None:
    try:
        _rename(temporary, place, _NO_REPLACE)
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise
        if os.path.lexists(place):  # `os.rename` would take the place of an empty folder
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), place) from None
        os.rename(temporary, place)


def _rename(old: str, new: str, flag: int) -> None:
    """`os.rename` with a flag, which Python's own has not.

    Raises:
        OSError: ENOSYS where the system has no such call.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), new)
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), new)
    if libc.renameat2(_HERE, os.fsencode(old), _HERE, os.fsencode(new), ctypes.c_uint(flag)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), new)
