"""The standard streams, guarded: output that cannot be delivered ends the command with a status that says so.

A reader that has gone, as in `spec-compiler check specs/*.yaml | head`, ends it as it ends other tools, with the status
of SIGPIPE, 141: the outcome was not told, so it must not look like success. A full disk or a closed stream is a fault
of the call, 2.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

BROKEN_PIPE = 141
FAULT_OF_THE_CALL = 2


class OutputLost(SystemExit):
    """The standard output, or its reader, is gone. No `OSError`, which somebody would take for one of another file."""

    def __init__(self, code: int, reason: str | None = None) -> None:
        super().__init__(code)
        self.reason = reason


class _Guarded(io.FileIO):
    """A stream's file. After its first failure it swallows everything, as the interpreter flushes again at its end."""

    def __init__(self, descriptor: int, closed: bool, quiet: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)  # the descriptor is the interpreter's
        self.is_closed, self.quiet = closed, quiet
        self.lost = False

    def write(self, data: Any) -> int:
        while not self.lost:
            try:
                if self.is_closed:
                    raise OSError(errno.EBADF, os.strerror(errno.EBADF))
                written: int | None = super().write(data)
            except OSError as error:
                self.lost = True
                self._end(error)
            else:
                if written is not None:
                    return written
                import select  # somebody made it non-blocking

                select.select((), (self.fileno(),), ())
        return len(data)

    def _end(self, error: OSError) -> None:
        if error.errno == errno.EPIPE:
            raise OutputLost(BROKEN_PIPE) from None
        if not self.quiet:
            raise OutputLost(FAULT_OF_THE_CALL, "it is closed" if self.is_closed else error.strerror) from None


@contextlib.contextmanager
def guarded() -> Iterator[list[bool]]:
    """Both streams guarded inside. At the end the list says whether a message on the error stream was lost.

    Streams that somebody put in place of the interpreter's own are left alone.
    """
    closed = _occupied()
    kept = sys.stdout, sys.stderr
    lost: list[bool] = []
    mine: list[tuple[_Guarded, TextIO]] = []
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is not getattr(sys, f"__{name}__"):
            continue
        raw = _Guarded(descriptor, closed=descriptor in closed, quiet=descriptor == 2)
        # a name that the terminal's encoding does not have is no reason to fail
        wrapper: TextIO = io.TextIOWrapper(
            io.BufferedWriter(raw),
            encoding=getattr(stream, "encoding", None) or "utf-8",
            errors="backslashreplace",
            line_buffering=descriptor == 2 or bool(getattr(stream, "line_buffering", False)),
        )
        setattr(sys, name, wrapper)
        mine.append((raw, wrapper))
    try:
        yield lost
        for _, wrapper in mine:
            wrapper.flush()
    finally:
        sys.stdout, sys.stderr = kept
        for raw, wrapper in mine:
            lost += [True] * (raw.lost and raw.quiet)
            raw.lost = True  # what is still buffered was not deliverable, or nobody is to wait for it
            wrapper.close()


def _occupied() -> tuple[int, ...]:
    """The standard descriptors that were closed, now on the null device: the next file must not get their numbers.

    TensorFlow writes to descriptor 2 whatever it is, and it might be a model.
    """
    closed = []
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            closed.append(os.open(os.devnull, os.O_RDWR))  # gets the lowest number that is free: this one
    return tuple(closed)
