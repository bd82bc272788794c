"""Signals that come while a module is imported are raised behind it."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import pytest

from spec_compiler.backend.startup import uninterrupted
from spec_compiler.cli.signals import Stopped, stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_command_behind_it(number: signal.Signals) -> None:
    done = []

    def body() -> None:
        with uninterrupted():
            signal.raise_signal(number)
            signal.raise_signal(number)
            done.append("the import")
        done.append("more")

    with stopping(), pytest.raises(Stopped) as caught:
        body()
    assert (done, caught.value.code) == (["the import"], 128 + number)


def test_ctrl_c_too() -> None:
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        signal.raise_signal(signal.SIGINT)


def test_what_was_ignored_still_is_and_handlers_are_put_back() -> None:
    seen: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        seen.append(number)

    before = signal.signal(signal.SIGTERM, handler), signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with uninterrupted():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGHUP)
            assert seen == []
        assert seen == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is handler
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGHUP, before[1])


def test_in_another_thread_there_is_nothing_to_do() -> None:
    done = []

    def body() -> None:
        with uninterrupted():
            done.append(1)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert done == [1]
