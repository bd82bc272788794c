"""Commands in forked children of this process, which has loaded Keras and computed nothing with it.

So a command takes tenths of a second, and a kill meets it while it works, not while TensorFlow is imported.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spec_compiler.backend.startup import start
from spec_compiler.cli import main
from spec_compiler.files.whole import release

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ERRORS, PRINTED = "errors.txt", "printed.txt"  # beside the folder that a command works in


def warm_up() -> None:
    """Imports everything that commands import, which starts no threads of TensorFlow's."""
    start()
    import spec_compiler.backend.answers
    import spec_compiler.backend.exporting.artefact
    import spec_compiler.backend.training.check
    import spec_compiler.cli.commands.diff
    import spec_compiler.cli.commands.edit
    import spec_compiler.cli.commands.export
    import spec_compiler.cli.commands.images
    import spec_compiler.cli.commands.init
    import spec_compiler.cli.commands.train
    import spec_compiler.diagram
    import spec_compiler.exporter.export
    import spec_compiler.trainer  # noqa: F401
    import tests.backend.sessions  # noqa: F401


@dataclass(frozen=True)
class Running:
    """A command in a child, by the child's number."""

    pid: int
    said: Path

    def ended(self) -> int | None:
        """Its status, negative for a signal that killed it; None while it runs."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None

    def wait(self, seconds: float = 300) -> int:
        """Its status once it has ended.

        Raises:
            TimeoutError: it does not end.
        """
        until = time.monotonic() + seconds
        while (status := self.ended()) is None:
            if time.monotonic() > until:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise TimeoutError(f"the command did not end in {seconds} s; it said:\n{self.errors}")
            time.sleep(0.002)
        return status

    @property
    def errors(self) -> str:
        """What it wrote to the error stream."""
        return (self.said / ERRORS).read_text(errors="replace")


def command(folder: Path, words: Sequence[str], before: Callable[[], object] = lambda: None) -> Running:
    """Starts `spec-compiler` with these words in a folder; `before` is called in the child first."""

    def called() -> None:
        sys.argv = ["spec-compiler", *words]
        before()
        try:
            main()
        finally:
            release()  # as the interpreter does at its end, which a fork does not come to

    return forked(called, folder)


def forked(call: Callable[[], object], folder: Path) -> Running:
    """Starts a function in a child that works in a folder, with temporary files and output beside it."""
    said = Path(f"{folder}.said") / str(time.monotonic_ns())
    said.mkdir(parents=True)
    temporary = Path(f"{folder}.tmp")
    temporary.mkdir(exist_ok=True)
    for name in (PRINTED, ERRORS):
        (said / name).touch()  # the child may be killed before it writes
    sys.stdout.flush()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # none must reach the child in this process's own code
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        return Running(pid, said)
    status = 70
    try:
        for descriptor, name in ((1, PRINTED), (2, ERRORS)):
            os.dup2(os.open(said / name, os.O_WRONLY | os.O_CREAT), descriptor)
        os.environ["TMPDIR"] = str(temporary)
        os.chdir(folder)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        call()
        status = 0
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except KeyboardInterrupt:
        status = 130
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
