"""A line that says what the compiler is at, once it has taken longer than a second; only where there is a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def progress(text: str) -> Iterator[None]:
    """Shows progress on the terminal's error stream while the body runs."""
    if not sys.stderr.isatty():
        yield
        return
    import logging  # not loaded where nothing is shown

    from spec_compiler.cli.status_line import StatusLine  # loads rich

    # The pipeline says what it is at in its log, which a caller of the Python API can read or leave.
    log = logging.getLogger("spec_compiler")
    line = StatusLine(f"{text} …")
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
