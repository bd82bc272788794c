"""Training the trials of a sweep: each is given to a process, heard until it ends, and tried again if that dies."""

from __future__ import annotations

import contextlib
import os
import queue
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.files.whole import workspace
from spec_compiler.search import results
from spec_compiler.search.channel import from_data
from spec_compiler.search.events import Event
from spec_compiler.search.folder import take_over, trial_folder
from spec_compiler.search.points import told_of_points
from spec_compiler.search.pool import Pool
from spec_compiler.search.processes import Process
from spec_compiler.search.study import HEARTBEAT, HOLD, Study
from spec_compiler.search.trial import Trial
from spec_compiler.spec.sweep import Sweep
from spec_compiler.training.measure import Measure

_POLL = 2.0  # seconds between two looks at the trials of other processes
_OF_A_POINT = ("SC609",)  # on what a trial may break down while others do not: a loss that diverges, a full memory


@dataclass
class Training:
    """The trials that the processes of one call of `sweep` have; `broken` says which metrics were, by the trial."""

    sweep: Sweep
    metric: Measure
    study: Study
    folder: str
    pool: Pool
    tell: Callable[[Event], None]
    holds: dict[int, ExitStack] = field(default_factory=dict)
    broken: dict[int, tuple[Diagnostic, ...]] = field(default_factory=dict)
    has_trained: bool = False

    def train(self) -> None:
        """Has every trial trained that is asked for, by this call's processes or by others on the same storage."""
        until = time.monotonic() + self.sweep.timeout if self.sweep.timeout is not None else None
        beat = time.monotonic()
        while True:
            is_open = until is None or time.monotonic() < until
            mine = {each.trial.number for each in self.pool.processes if each.trial is not None}
            for number in self.study.revived(mine) if is_open else ():
                self.tell(Event("ended", trial=self._trial(number)))
            busy = self._give() if is_open else any(not each.is_idle for each in self.pool.processes)
            if not busy:
                others = [each for each in self.study.trials() if each.state == "running"]
                if not others or not is_open:
                    return
                self.tell(Event("waiting", len(others)))
            with contextlib.suppress(queue.Empty):
                self._hear(*self.pool.answers.get(timeout=_POLL if not busy else HEARTBEAT / 3))
            if time.monotonic() - beat > HEARTBEAT:
                beat = time.monotonic()
                for process in self.pool.processes:
                    if process.trial is not None:
                        self.study.beat(process.trial)

    def _give(self) -> bool:
        """Gives each process without one a trial, while there are any; whether some process has one."""
        for process in self.pool.processes:
            if not process.is_idle:
                continue
            asked = self.study.next()
            if asked is None:
                break
            folder = trial_folder(self.folder, asked.number)
            hold = ExitStack()
            hold.enter_context(workspace(os.path.abspath(folder), HOLD))
            self.holds[asked.number] = hold
            self.study.begins(asked, os.path.abspath(folder))
            take_over(self.study.previous(asked), os.path.abspath(folder))
            process.trial = asked
            trial = self._trial(asked.number)
            process.ask(
                do="train",
                point=dict(trial.point),
                folder=folder,
                monitor=self.metric.name,
                largest=self.metric.largest,
            )
            self.tell(Event("begun", trial=trial))
        return any(not each.is_idle for each in self.pool.processes)

    def _hear(self, process: Process, answer: Mapping[str, Any] | None) -> None:
        """Takes what a process says of its trial, or that it is gone."""
        if answer is None:
            self._gone(process)
            return
        asked = process.trial
        match answer["is"]:
            case "epoch":
                self.has_trained = True
                values = {epoch: value for epoch, value in answer["values"] if value is not None}
                goes_on = self.study.reports(asked, values)
                process.ask(goes_on=goes_on)
                self.tell(Event("epoch", len(answer["values"]), answer["of"], self._trial(asked.number)))
            case "done":
                self._done(process, answer)
            case "pruned":
                self.study.ends(asked, "pruned", {"seconds": answer["seconds"]})
                self._ended(process)
            case "failed":
                self._failed(process, from_data(answer["found"]))
            case "broken":
                raise RuntimeError(f"trial {asked.number} ended with a bug:\n{answer['text']}")

    def _done(self, process: Process, answer: Mapping[str, Any]) -> None:
        value = answer["metrics"].get(self.metric.name)
        said = {key: answer[key] for key in ("epoch", "seconds", "parameters")}
        said["metrics"] = answer["metrics"]
        self.broken[process.trial.number] = from_data(answer["broken"])
        if value is None:
            said["reason"] = f"no epoch has a number for {self.metric.name}"
        self.study.ends(process.trial, "failed" if value is None else "done", said, value)
        self._ended(process)

    def _failed(self, process: Process, found: Sequence[Diagnostic]) -> None:
        """A trial on which the training broke down: its point's fault, or that of all."""
        number = process.trial.number
        trial = self._trial(number)
        if all(each.code in _OF_A_POINT for each in found) and (trial.values or self.has_trained):
            self.study.ends(process.trial, "failed", {"reason": "; ".join(each.message for each in found)})
            self._ended(process)
            return
        raise SpecError(told_of_points({0: found}, [trial.point]))

    def _gone(self, process: Process) -> None:
        """A process that died: another takes its place, and its trial is tried again."""
        self.pool.processes.remove(process)
        process.end()
        asked = process.trial
        if asked is None:
            raise RuntimeError(f"a process without a trial is gone: {process.ended_by()}\n{process.last_words()}")
        self.study.again(asked.number, process.ended_by(), died=True)
        self._ended(process)
        self.pool.start()

    def _ended(self, process: Process) -> None:
        number = process.trial.number
        process.trial = None
        self.holds.pop(number).close()
        results.write_table(self.folder, self.study.trials(), tuple(self.sweep.vars), self.metric)
        self.tell(Event("ended", trial=self._trial(number)))

    def _trial(self, number: int) -> Trial:
        return next(each for each in self.study.trials() if each.number == number)

    def stop(self) -> None:
        """Ends the processes; trials that they still have are tried again by whoever goes on."""
        for process in self.pool.processes:
            process.end()
        for process in self.pool.processes:
            if process.trial is not None:
                self.study.again(process.trial.number, "it was stopped", died=False)
                self.holds.pop(process.trial.number).close()
                process.trial = None
        self.pool.processes.clear()
