"""Starting Keras without the lines that its backend writes to the error stream while it is loaded."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


def start() -> None:
    """Imports Keras, if that has not happened.

    What the backend's C++ part says of devices and optimisations is not shown, neither while it is loaded nor later,
    unless the user set `TF_CPP_MIN_LOG_LEVEL`: some of it is written before the backend reads that variable.
    """
    if "keras" in sys.modules:
        return
    with silent_stderr() if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "3" else contextlib.nullcontext():
        import keras  # noqa: F401


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
