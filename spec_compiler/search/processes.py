"""The processes of a sweep, seen from the one that began them: each is asked a thing at a time and answers in lines."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spec_compiler.search.channel import line, said
from spec_compiler.search.task import Task

Answer = tuple["Process", Mapping[str, Any] | None]  # None: the process is gone
_ROOT = str(Path(__file__).parents[2])
_PATIENCE = 10.0  # seconds for a process to end that was asked to


class Process:
    """A process that trains trials; `trial` is the one it has, as Optuna gave it."""

    def __init__(self, task: Task, log: str, answers: queue.Queue[Answer]) -> None:
        environment = dict(os.environ)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (_ROOT, environment.get("PYTHONPATH"))))
        environment.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # so that several have room on one device
        self.log, self.trial = log, None
        self.checks = False
        os.makedirs(os.path.dirname(log), exist_ok=True)
        with open(log, "ab") as errors:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "spec_compiler.search.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is for the process that began it, which then ends this one
            )
        self.tell(line(**task.to_data()))
        self.listener = threading.Thread(target=self._listen, args=(answers,), daemon=True)
        self.listener.start()

    trial: Any

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a trial."""
        return self.trial is None and not self.checks

    def tell(self, text: str) -> None:
        """Sends a line; a process that is gone is told of by `answers`."""
        assert self.child.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self.child.stdin.write(text)
            self.child.stdin.flush()

    def ask(self, **what: Any) -> None:
        """Sends a request."""
        self.tell(line(**what))

    def _listen(self, answers: queue.Queue[Answer]) -> None:
        assert self.child.stdout is not None
        with self.child.stdout as lines:
            for text in lines:
                with contextlib.suppress(ValueError):  # half a line, of a process that was killed
                    answers.put((self, said(text)))
        self.child.wait()
        answers.put((self, None))

    def ended_by(self) -> str:
        """What ended it, in words."""
        code = self.child.wait()
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"its process was killed by {signal.Signals(-code).name}"
        return f"its process ended with status {code}"

    def last_words(self) -> str:
        """The end of what it wrote to its error stream."""
        with open(self.log, "rb") as stream:
            return stream.read()[-2000:].decode(errors="replace").strip()

    def end(self) -> None:
        """Ends it, wherever it is; what it had written is whole."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        if self.child.stdin is not None:
            with contextlib.suppress(OSError):
                self.child.stdin.close()
        self.listener.join()
