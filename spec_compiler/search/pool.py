"""The processes of a sweep that train on this machine, with what they answer."""

from __future__ import annotations

import os
import queue
import socket
from dataclasses import dataclass, field

from spec_compiler.search.folder import LOGS
from spec_compiler.search.processes import Answer, Process
from spec_compiler.search.task import Task


@dataclass
class Pool:
    """Processes that were begun for a task and have not died; `answers` has what all of them say."""

    task: Task
    folder: str
    processes: list[Process] = field(default_factory=list)
    answers: queue.Queue[Answer] = field(default_factory=queue.Queue)

    def start(self) -> Process:
        """One more, which waits to be asked."""
        log = os.path.join(self.folder, LOGS, f"{socket.gethostname()}-{os.getpid()}-{len(self.processes)}.log")
        process = Process(self.task, log, self.answers)
        self.processes.append(process)
        return process

    def end(self) -> None:
        """Ends all of them."""
        for process in self.processes:
            process.end()
        self.processes.clear()
