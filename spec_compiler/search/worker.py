"""A process that trains the trials of a sweep, one after another, as another process asks for them.

It reads a JSON object a line and answers with such: its standard input and output are that channel, whatever is printed
goes to the error stream. Keras is loaded once.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from spec_compiler.backend.startup import start
from spec_compiler.compiler import checked, plan_spec
from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.search.channel import line, said, to_data
from spec_compiler.search.task import Task
from spec_compiler.spec import Spec
from spec_compiler.spec.swept import at_point
from spec_compiler.trainer import train_spec
from spec_compiler.training.history import History
from spec_compiler.training.pruned import Pruned
from spec_compiler.training.sweep_measure import sweep_measure
from spec_compiler.training.watcher import Watcher


def main() -> None:
    """Works until the input ends, or the process that began this one is gone."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what Keras and a user's own code print
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    task = Task.from_data(said(sys.stdin.readline()))
    worker = _Worker(task, task.load(), sys.stdin, answers)
    for asked in sys.stdin:
        worker.answer(said(asked))


def _end_with(parent: int) -> None:
    """Ends this process when its parent does: nobody would read what it finds."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


@dataclass
class _Worker:
    task: Task
    spec: Spec
    requests: TextIO
    answers: TextIO

    def answer(self, request: Mapping[str, Any]) -> None:
        """Does what is asked; whatever goes wrong is an answer."""
        try:
            if request["do"] == "check":
                found = self.check(request["points"])
                self.say(
                    is_="checked",
                    found=[[index, to_data(each)] for index, each in found.items()],
                    **({} if found else self.measured()),
                )
            else:
                self.train(request)
        except SpecError as error:
            self.say(is_="failed", found=to_data(error.diagnostics))
        except MemoryError:
            self.say(is_="failed", found=to_data([Diagnostic("SC609", "there is not enough memory")]))
        except Exception:
            self.say(is_="broken", text=traceback.format_exc())

    def say(self, *, is_: str, **what: Any) -> None:
        self.answers.write(line(**{"is": is_}, **what))
        self.answers.flush()

    def check(self, points: Sequence[Mapping[str, Any]]) -> dict[int, tuple[Diagnostic, ...]]:
        """What is wrong at points, by their positions."""
        found: dict[int, tuple[Diagnostic, ...]] = {}
        bases: set[str] = set()
        for index, point in enumerate(points):
            try:
                spec = at_point(self.spec, point, self.task.allowed)
            except SpecError as error:
                found[index] = error.diagnostics
                continue
            base = repr([spec.source.data.get(key) for key in ("base", "bases", "imports")])
            errors = self._errors(spec, is_new=base not in bases)
            bases.add(base)
            if errors:
                found[index] = errors
            self.say(is_="checking", done=index + 1)
        return found

    def measured(self) -> dict[str, Any]:
        """What the result is called, and what its trials go by."""
        plan = plan_spec(self.spec, **self._options())
        metric = sweep_measure(self.spec, plan.after)
        return {"name": plan.name, "metric": metric.name, "direction": metric.direction}

    def _errors(self, spec: Spec, *, is_new: bool) -> tuple[Diagnostic, ...]:
        """What is wrong with a spec; where its base was looked at before, only what that does not say."""
        if not is_new:
            known = checked(spec, self.task.allowed, static=True)
            errors = tuple(each for each in known.diagnostics if each.severity == "error")
            if errors:
                return errors
            if known.tier == "shapes":  # what Keras would say of layers is known
                start()
                from spec_compiler.backend.training.check import check_objects  # loads Keras

                try:
                    with spec.source.locating():
                        check_objects(spec, plan_spec(spec, **self._options()).after)
                except SpecError as error:
                    return error.diagnostics
                return ()
        return tuple(each for each in checked(spec, self.task.allowed).diagnostics if each.severity == "error")

    def _options(self) -> dict[str, Any]:
        return {"allow_code": self.task.allow_code, "restrict_paths": self.task.restrict_paths}

    def train(self, request: Mapping[str, Any]) -> None:
        """Trains a trial, from where its folder stands, and says after each epoch how it goes."""
        monitor, folder = request["monitor"], request["folder"]

        def epoch(history: History) -> None:
            rows = [[row.epoch, row.metrics.get(monitor)] for row in history]
            self.say(is_="epoch", values=rows, of=sum(phase.epochs for phase in spec.train))
            reply = self.requests.readline()
            if not reply:
                os._exit(1)
            if not said(reply)["goes_on"]:
                raise Pruned

        spec = at_point(self.spec, request["point"], self.task.allowed)
        watcher = Watcher(epoch=epoch, verbose=0)
        began = time.monotonic()
        try:
            trained = train_spec(
                spec,
                folder,
                resume=True,
                allow_code=self.task.allow_code,
                restrict_paths=self.task.restrict_paths,
                tensorboard=self.task.tensorboard,
                evaluates=False,  # what tests is for the point that is chosen
                watcher=watcher,
            )
        except Pruned:
            self.say(is_="pruned", seconds=time.monotonic() - began)
        else:
            best = trained.history.best(monitor, request["largest"])
            self.say(
                is_="done",
                seconds=time.monotonic() - began,
                epoch=best.epoch if best is not None else None,
                metrics=dict(best.metrics) if best is not None else {},
                parameters=trained.compiled.plan.after.num_parameters,
                broken=to_data(trained.broken),
            )
        finally:
            _forget()


def _forget() -> None:
    """Lets go of the trial's model: Keras's names and TensorFlow's graphs would pile up."""
    keras = sys.modules.get("keras")  # loaded by the trial, or there is nothing to forget
    if keras is not None:
        keras.backend.clear_session()
    gc.collect()


if __name__ == "__main__":
    main()
