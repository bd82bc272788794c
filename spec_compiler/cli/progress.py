"""A line that says what the compiler is at, once it has taken longer than a second; only where there is a terminal."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Iterator

DELAY = 1.0


class _Line(logging.Handler):
    """Shows the pipeline's log messages on one changing line."""

    def __init__(self, text: str) -> None:
        super().__init__(logging.INFO)
        from rich.console import Console
        from rich.status import Status

        stream = os.fdopen(os.dup(2), "w")  # its own, as the error stream is silent while Keras starts
        self.status = Status(text, console=Console(file=stream))
        self.timer = threading.Timer(DELAY, self.status.start)
        self.timer.daemon = True

    def emit(self, record: logging.LogRecord) -> None:
        self.status.update(f"{record.getMessage()} …")


@contextlib.contextmanager
def progress(text: str) -> Iterator[None]:
    """Shows progress on the terminal's error stream while the body runs."""
    if not sys.stderr.isatty():
        yield
        return
    log = logging.getLogger("spec_compiler")
    line = _Line(f"{text} …")
    level = log.level
    log.addHandler(line)
    log.setLevel(logging.INFO)
    line.timer.start()
    try:
        yield
    finally:
        line.timer.cancel()
        line.status.stop()
        log.removeHandler(line)
        log.setLevel(level)
