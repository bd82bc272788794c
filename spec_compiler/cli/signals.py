"""Signals that ask the command to end, made an exception: what is half done is then put away."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = ("SIGTERM", "SIGHUP")


class Stopped(SystemExit):
    """The command was asked to end; its status is 128 and the signal's number, as a shell has it."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.name = signal.Signals(number).name


@contextlib.contextmanager
def stopping() -> Iterator[None]:
    """`Stopped` is raised inside on SIGTERM and SIGHUP, unless whoever started the command ignores them (`nohup`)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [number for name in SIGNALS if (number := getattr(signal, name, None)) is not None]
    kept = {number: signal.getsignal(number) for number in numbers if signal.getsignal(number) == signal.SIG_DFL}
    for number in kept:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)
