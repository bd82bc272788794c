"""Signals that ask the command to end, made an exception: what is half done is then put away."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any

SIGNALS = ("SIGTERM", "SIGHUP")  # by name: Windows has no SIGHUP


class Stopped(SystemExit):
    """The command was asked to end; its status is 128 and the signal's number, as a shell has it."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number, self.name = number, signal.Signals(number).name


@contextlib.contextmanager
def stopping() -> Iterator[None]:
    """`Stopped` is raised inside on SIGTERM and SIGHUP, unless whoever started the command ignores them (`nohup`)."""
    # Python sets handlers in its main thread only, `signal.signal` raises in others.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [number for name in SIGNALS if (number := getattr(signal, name, None)) is not None]
    kept = {number: signal.getsignal(number) for number in numbers if signal.getsignal(number) == signal.SIG_DFL}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        kept[signal.SIGINT] = signal.default_int_handler
    _asked.clear()  # a process may run several commands, as the tests do
    for number in kept:
        signal.signal(number, _stop)
    hook = sys.unraisablehook
    sys.unraisablehook = partial(_once_more, hook)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in kept.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def not_mistaken() -> Iterator[None]:
    """An error inside that a signal became is that signal.

    TensorFlow takes whatever is raised while it converts a value for an error of the value.
    """
    try:
        yield
    except Exception as error:
        if _asked:
            raise _said(_asked[-1]) from error
        raise


_asked: list[int] = []  # the signals that came


def _said(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else Stopped(number)


def _once_more(hook: Callable[[Any], object], swallowed: Any) -> None:
    """Sends a signal again that came in the middle of a `__del__`, where Python drops what is raised.

    Raised in here, it would be dropped as the first one was. What else fails in a `__del__` once a signal came is of an
    object that the signal left half made, and nobody's business.
    """
    error = swallowed.exc_value
    if isinstance(error, Stopped | KeyboardInterrupt):
        _later(error.number if isinstance(error, Stopped) else signal.SIGINT)
    elif not _asked:
        hook(swallowed)


def _later(number: int) -> None:
    """Sends a signal in a moment, by another thread."""
    timer = threading.Timer(0.01, os.kill, (os.getpid(), number))
    timer.daemon = True
    timer.start()


def _stop(number: int, frame: FrameType | None) -> None:
    while frame is not None:
        if frame.f_code is _once_more.__code__:  # a moment was too short: what is raised in there is dropped as well
            _later(number)
            return
        frame = frame.f_back
    _asked.append(number)
    raise _said(number)
