"""The pipeline's log messages on one changing line of the terminal."""

from __future__ import annotations

import logging
import os
import threading

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from spec_compiler.diagnostics.printable import printable

DELAY = 1.0


class StatusLine(logging.Handler):
    """Shows the last message, once `DELAY` seconds have passed."""

    def __init__(self, text: str) -> None:
        super().__init__(logging.INFO)
        stream = os.fdopen(os.dup(2), "w")  # its own, as the error stream is silent while Keras starts
        self.status = Status(text, console=Console(file=stream))
        self.timer = threading.Timer(DELAY, self.status.start)
        self.timer.daemon = True  # a command that ends sooner does not wait for it

    def emit(self, record: logging.LogRecord) -> None:
        self.status.update(escape(f"{printable(record.getMessage())} …"))  # a name may hold what rich reads as markup
