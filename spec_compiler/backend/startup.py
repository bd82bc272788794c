"""Starting Keras without the lines that its backend writes to the error stream while it is loaded."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from spec_compiler.diagnostics import SpecError
from spec_compiler.keras_facts.backends import EXTRAS, TITLES, is_installed
from spec_compiler.keras_facts.settings import backend_to_start, written_backend


def start() -> None:
    """Imports Keras, if that has not happened.

    What the backend's C++ part says of devices and optimisations is not shown, neither while it is loaded nor later,
    unless the user set `TF_CPP_MIN_LOG_LEVEL`: some of it is written before the backend reads that variable.

    Raises:
        SpecError: SC522 Keras, or what it is to run on, is not installed.
    """
    if "keras" in sys.modules:
        return
    check_installed()
    if (name := backend_to_start()) != written_backend():
        os.environ["KERAS_BACKEND"] = name  # the one in its settings is not installed
    with silent_stderr() if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "3" else contextlib.nullcontext():
        import keras  # noqa: F401


def check_installed() -> None:
    """Proves that there is a Keras to start, and the backend that it is to run on.

    Raises:
        SpecError: SC522.
    """
    if not is_installed("keras"):
        help = f"install it with what it runs on: `pip install 'spec-compiler[{EXTRAS[0]}]'`, or [jax], or [torch]"
        note = "without it go `check --static`, `explain`, `schema`, `bases`, and plans of what Keras was asked before"
        raise SpecError.single("SC522", "this needs Keras, which is not installed", notes=[note], help=help)
    name = backend_to_start()
    if name not in TITLES:
        help = f"set `KERAS_BACKEND` to one of {', '.join(f'`{each}`' for each in EXTRAS)}"
        raise SpecError.single("SC522", f"Keras has no backend `{name}`", help=help)
    if not is_installed(name):
        message = f"Keras is to run on {TITLES[name]}, which is not installed"
        there = [each for each in EXTRAS if is_installed(each)]
        extra = name if name in EXTRAS else EXTRAS[0]
        help = f"install it: `pip install 'spec-compiler[{extra}]'`"
        help += f", or set `KERAS_BACKEND={there[0]}`, which is" if there else ", or [jax], or [torch]"
        raise SpecError.single("SC522", message, help=help)


def backend_name() -> str:
    """Which of its backends Keras, which has been started, runs on."""
    import keras

    return str(keras.backend.backend())


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """File descriptor 2 leads nowhere inside: the messages come from C++, which does not know `sys.stderr`."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no error stream
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """What signals raise in Python is raised behind the body: a module of C++ that is half imported may crash on it."""
    if threading.current_thread() is not threading.main_thread():  # Python raises it in that one alone
        yield
        return
    came: list[int] = []

    def later(number: int, frame: FrameType | None) -> None:
        came.append(number)

    numbers = [each for each in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None)) if each is not None]
    kept = {each: handler for each in numbers if callable(handler := signal.getsignal(each))}
    for each in kept:
        signal.signal(each, later)
    try:
        yield
    finally:
        for each, handler in kept.items():
            signal.signal(each, handler)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)
