"""A sweep, readable as a table of contents.

Spec    -> Task         task        the spec as it is written now, for processes of their own
Spec    -> points       points      those that are checked before the first trial
storage -> Study        study       Optuna's trials, no more and none twice
Trial   -> train_spec   worker      a run in a folder of its own, in a process that may die
Trials  -> files        results     a table, a picture, the best point as a spec
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from spec_compiler.compiler import SpecLike, checked
from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.files.whole import workspace
from spec_compiler.search import results
from spec_compiler.search.channel import from_data
from spec_compiler.search.folder import LOGS, check_sweep_folder, clear, take_over, trial_folder
from spec_compiler.search.notebook import table_html, watching
from spec_compiler.search.points import points_to_check, told_of_points
from spec_compiler.search.processes import Answer, Process
from spec_compiler.search.storage import open_storage
from spec_compiler.search.study import HEARTBEAT, HOLD, Study, not_installed, quiet, said_in, say_in
from spec_compiler.search.task import Task, task_of
from spec_compiler.search.trial import Trial
from spec_compiler.spec import Spec
from spec_compiler.spec.file_paths import missing_files
from spec_compiler.spec.policy import PolicyLike
from spec_compiler.spec.sweep import Sweep
from spec_compiler.spec.swept import Point, at_point, point_text
from spec_compiler.training.folder import Folders
from spec_compiler.training.identity import Identity, check_same, digests, identity
from spec_compiler.training.measured import Measured
from spec_compiler.training.sources import check_data

_FREE = ("trials", "timeout")  # keys of `sweep`: to raise them is to go on
_POLL = 2.0  # seconds between two looks at the trials of other processes
_OF_A_POINT = ("SC609",)  # on what a trial may break down while others do not: a loss that diverges, a full memory


@dataclass(frozen=True)
class Event:
    """What happens in a sweep, for whoever watches it: `kind` says which of the other fields mean something.

    `checking` and `checked` (so many of the points), `begun`, `epoch`, `ended` (of a trial), `waiting` (for trials of
    other processes).
    """

    kind: str
    count: int = 0
    total: int = 0
    trial: Trial | None = None


@dataclass(frozen=True)
class Found:
    """What a sweep goes by, for whoever shows it: known once the points are checked."""

    sweep: Sweep
    metric: Measured
    name: str
    trials: tuple[Trial, ...]
    best: Trial | None


@dataclass(frozen=True, repr=False)
class SweptSpec:
    """The result of a sweep: every trial, the best of them, and the folder with the files."""

    folder: str
    name: str
    metric: Measured
    variables: tuple[str, ...]
    trials: tuple[Trial, ...]
    best: Trial | None
    best_spec: str | None
    files: tuple[str, ...]
    broken: tuple[Diagnostic, ...] = ()

    def __repr__(self) -> str:
        best = f", best {self.metric.name} {self.best.value:.4g}" if self.best is not None and self.best.value else ""
        return f"<SweptSpec {self.name} in {self.folder}: {sum(each.counts for each in self.trials)} trials{best}>"

    def _repr_html_(self) -> str:
        return table_html(self.trials, self.variables, self.metric)


def sweep(
    spec: SpecLike,
    folder: str,
    *,
    workers: int = 1,
    storage: str | None = None,
    overrides: Iterable[str] = (),
    resume: bool = False,
    force: bool = False,
    allow_code: bool = False,
    restrict_paths: bool = False,
    policy: PolicyLike | None = None,
    tensorboard: bool = True,
    watcher: Callable[[Event, Found], None] | None = None,
) -> SweptSpec:
    """Trains a spec at the points of its `sweep`, with Optuna, each trial in a folder of its own below `folder`.

    Every point, or what stands for all, is checked before the first trial begins. A trial whose process dies is tried
    again. The best point stands in `best.yaml`, which trains as the trial did.

    Args:
        spec: a path, a YAML text with a line break, or a plain dict.
        folder: where trials, table, picture and the best spec go; made if it is missing.
        workers: how many processes train at the same time.
        storage: a URL of a database, or the file of a journal, which several machines may share: whoever begins the
            same sweep on it joins. The database `sweep.db` in the folder if left out.
        overrides: texts such as `train[0].epochs=1`.
        resume: go on with the sweep in the folder, if there is one.
        force: begin anew where there is one.
        allow_code: whether the spec may run code.
        restrict_paths: refuse files outside of the spec's folder.
        policy: as `compile_spec` takes it.
        tensorboard: whether trials write logs for TensorBoard.
        watcher: who is told of everything that happens; in a notebook a table that grows if left out.

    Raises:
        SpecError: the spec, one of its points, the data or the folder is at fault.

    Example:
        >>> sweep("spec.yaml", "runs/search", workers=2).best.point  # doctest: +SKIP
        {'units': 256, 'rate': 0.0003}
    """
    if workers < 1:
        raise ValueError(f"a sweep needs at least one process, got workers={workers}")
    task = task_of(spec, overrides, allow_code, restrict_paths, policy, tensorboard)
    loaded = task.load()
    if watcher is None:
        watcher = watching()
    with loaded.source.locating():
        if loaded.sweep is None:
            help = "add `sweep: {vars: {NAME: [VALUE, VALUE]}, trials: 10, monitor: val_accuracy}`"
            raise SpecError.single("SC102", "the spec has no `sweep`, it says no values to try", help=help)
        try:
            import optuna  # takes a while, and is needed by nothing else
        except ImportError:
            raise not_installed() from None
    with quiet(optuna), ExitStack() as ends:
        return _Sweeping(task, loaded, loaded.sweep, os.path.normpath(folder), optuna, ends, watcher).run(
            workers, storage, resume, force
        )


@dataclass
class _Sweeping:
    """One call of `sweep`, with the processes and trials that are its own."""

    task: Task
    spec: Spec
    sweep: Sweep
    folder: str
    optuna: Any
    ends: ExitStack
    watcher: Callable[[Event, Found], None]
    processes: list[Process] = field(default_factory=list)
    answers: queue.Queue[Answer] = field(default_factory=queue.Queue)
    holds: dict[int, ExitStack] = field(default_factory=dict)
    broken: dict[int, tuple[Diagnostic, ...]] = field(default_factory=dict)
    has_trained: bool = False

    def run(self, workers: int, storage: str | None, resume: bool, force: bool) -> SweptSpec:
        """The whole of it."""
        points = points_to_check(self.sweep, self._seed())
        with _of_the_spec(self.spec):
            missing_files(self.spec)
            self._check_statically(points)
            check_sweep_folder(self.folder, goes_on=resume or storage is not None, force=force)
        said = self._said(points[0])
        if force:
            clear(self.folder)
        os.makedirs(self.folder, exist_ok=True)
        with _of_the_spec(self.spec):
            opened = self._study(storage, said, force)
        self.ends.callback(self._stop)
        process = self._start()
        name, self.metric = self._check(process, points)
        self.study = self._with_direction(opened, said)
        self._tell(Event("checked", len(points), len(points)))
        for _ in range(1, workers):
            self._start()
        try:
            self._train()
        finally:
            self._stop()
        return self._results(name)

    def _seed(self) -> int:
        return self.sweep.seed if self.sweep.seed is not None else self.spec.seed % 2**32

    # what is checked before the first trial

    def _check_statically(self, points: Sequence[Point]) -> None:
        """What can be known without Keras, of the spec with its own values and at each point.

        Raises:
            SpecError: whatever is wrong.
        """
        check_data(self.spec, None)
        found: dict[int, tuple[Diagnostic, ...]] = {}
        for index, point in enumerate(points):
            self._tell(Event("checking", index, len(points)))
            try:
                at = at_point(self.spec, point, self.task.allowed)
            except SpecError as error:
                found[index] = error.diagnostics
                continue
            errors = [each for each in checked(at, self.task.allowed, static=True).diagnostics if _is_error(each)]
            if errors:
                found[index] = tuple(errors)
        if found:
            raise SpecError(told_of_points(found, points))

    def _check(self, process: Process, points: Sequence[Point]) -> tuple[str, Measured]:
        """The result's name and what trials go by, once Keras has looked at every point; the process then trains.

        Raises:
            SpecError: whatever is wrong at a point.
        """
        process.checks = True
        process.ask(do="check", points=[dict(each) for each in points])
        while process.checks:
            _, answer = self.answers.get()
            if answer is None:
                raise RuntimeError(f"the checks: {process.ended_by()}; it said:\n{process.last_words()}")
            if answer["is"] == "checking":
                self._tell(Event("checking", answer["done"], len(points)))
            elif answer["is"] == "broken":
                raise RuntimeError(answer["text"])
            else:
                process.checks = False
                found = answer["found"]
                if answer["is"] == "failed":
                    raise SpecError(from_data(found))
                if found:
                    raise SpecError(told_of_points({index: from_data(each) for index, each in found}, points))
                made = answer["name"], Measured(answer["metric"], answer["largest"])
        return made

    # the storage

    def _study(self, storage: str | None, said: Identity, force: bool) -> tuple[Any, Any]:
        """The storage, and the study in it that goes on, None where there is none.

        Raises:
            SpecError: SC608 where it cannot be used, or holds another sweep of this name.
        """
        opened = open_storage(self.optuna, storage, self.folder)
        name = self._name()
        names = self.optuna.study.get_all_study_names(opened)
        if force and name in names:
            self.optuna.delete_study(study_name=name, storage=opened)
        elif name in names:
            study = self.optuna.load_study(study_name=name, storage=opened)
            before = said_in(study)
            if before is not None:
                check_same(before, said, 10**9, self.folder, of_a_sweep=True)
            return opened, study
        return opened, None

    def _with_direction(self, opened: tuple[Any, Any], said: Identity) -> Study:
        storage, study = opened
        if study is None:
            direction = "maximize" if self.metric.largest else "minimize"
            study = self.optuna.create_study(
                study_name=self._name(), storage=storage, direction=direction, load_if_exists=True
            )
            before = said_in(study)
            if before is None:
                say_in(study, said)
            else:  # another process began at the same moment
                check_same(before, said, 10**9, self.folder, of_a_sweep=True)
        study.pruner = self._pruner()
        return Study(self.optuna, study, self.sweep, self._seed(), self.metric.largest, self.folder)

    def _name(self) -> str:
        """What the sweep is called among others in one storage."""
        file = os.path.splitext(os.path.basename(self.task.file or "sweep"))[0]
        return self.spec.name or file

    def _pruner(self) -> Any:
        pruners, asked = self.optuna.pruners, self.sweep.prune
        if asked is None:
            return pruners.NopPruner()
        arguments = dict(asked.arguments or {})
        if asked.name == "median":
            return pruners.MedianPruner(**arguments)
        epochs = sum(phase.epochs for phase in self.spec.train)
        return pruners.HyperbandPruner(**{"max_resource": epochs, **arguments})

    def _said(self, point: Point) -> Identity:
        """What must be the same for a sweep to go on: the spec whatever its variables are, and the values to try."""
        at = at_point(self.spec, point, self.task.allowed)
        asked = {key: value for key, value in self.spec.source.data["sweep"].items() if key not in _FREE}
        epochs = {("train", index, "epochs"): phase.epochs for index, phase in enumerate(at.train)}
        numbers = {path: digests({"": count})[("",)] for path, count in epochs.items()}
        return identity(at, _data(at)) | digests({"sweep": asked}) | numbers

    # the trials

    def _start(self) -> Process:
        log = os.path.join(self.folder, LOGS, f"{socket.gethostname()}-{os.getpid()}-{len(self.processes)}.log")
        process = Process(self.task, log, self.answers)
        self.processes.append(process)
        return process

    def _train(self) -> None:
        """Has every trial trained that is asked for, by this call's processes or by others on the same storage."""
        until = time.monotonic() + self.sweep.timeout if self.sweep.timeout is not None else None
        beat = time.monotonic()
        while True:
            is_open = until is None or time.monotonic() < until
            mine = {each.trial.number for each in self.processes if each.trial is not None}
            for number in self.study.revived(mine) if is_open else ():
                self._tell(Event("ended", trial=self._trial(number)))
            busy = self._give() if is_open else any(not each.is_idle for each in self.processes)
            if not busy:
                others = [each for each in self.study.trials() if each.state == "running"]
                if not others or not is_open:
                    return
                self._tell(Event("waiting", len(others)))
            with contextlib.suppress(queue.Empty):
                self._hear(*self.answers.get(timeout=_POLL if not busy else HEARTBEAT / 3))
            if time.monotonic() - beat > HEARTBEAT:
                beat = time.monotonic()
                for process in self.processes:
                    if process.trial is not None:
                        self.study.beat(process.trial)

    def _give(self) -> bool:
        """Gives each process without one a trial, while there are any; whether some process has one."""
        for process in self.processes:
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
            self._tell(Event("begun", trial=trial))
        return any(not each.is_idle for each in self.processes)

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
                self._tell(Event("epoch", len(answer["values"]), answer["of"], self._trial(asked.number)))
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
        self.processes.remove(process)
        process.end()
        asked = process.trial
        if asked is None:
            raise RuntimeError(f"a process without a trial is gone: {process.ended_by()}\n{process.last_words()}")
        self.study.again(asked.number, process.ended_by(), died=True)
        self._ended(process)
        self._start()

    def _ended(self, process: Process) -> None:
        number = process.trial.number
        process.trial = None
        self.holds.pop(number).close()
        results.write_table(self.folder, self.study.trials(), tuple(self.sweep.vars), self.metric)
        self._tell(Event("ended", trial=self._trial(number)))

    def _trial(self, number: int) -> Trial:
        return next(each for each in self.study.trials() if each.number == number)

    def _tell(self, event: Event) -> None:
        trials = (
            tuple(self.study.trials()) if hasattr(self, "study") and event.kind in ("checked", "begun", "ended") else ()
        )
        best = self.study.best() if hasattr(self, "study") else None
        metric = self.metric if hasattr(self, "metric") else Measured("", False)
        self.watcher(event, Found(self.sweep, metric, self._name(), trials, best))

    def _stop(self) -> None:
        """Ends the processes; trials that they still have are tried again by whoever goes on."""
        for process in self.processes:
            process.end()
        for process in self.processes:
            if process.trial is not None:
                self.study.again(process.trial.number, "it was stopped", died=False)
                self.holds.pop(process.trial.number).close()
                process.trial = None
        self.processes.clear()

    def _results(self, name: str) -> SweptSpec:
        trials, best = self.study.trials(), self.study.best()
        files, best_spec = results.write(self.folder, self.task, self.sweep, self.metric, name, trials, best)
        broken = self.broken.get(best.number, ()) if best is not None else ()
        return SweptSpec(
            self.folder, name, self.metric, tuple(self.sweep.vars), tuple(trials), best, best_spec, files, broken
        )


@contextlib.contextmanager
def _of_the_spec(spec: Spec) -> Iterator[None]:
    """Gives errors their places in the spec, unless the call is at fault, which is no place there."""
    try:
        yield
    except SpecError as error:
        if all(each.code == "SC608" and not each.path for each in error.diagnostics):
            raise
        raise spec.source.located(error) from None


def _is_error(diagnostic: Diagnostic) -> bool:
    return diagnostic.severity == "error"


def _data(spec: Spec) -> str:
    """What trains and validates, as far as files say it; of data from functions nothing is known."""
    source = check_data(spec, None)
    data, folder = spec.data, spec.source.folder
    assert data is not None
    if isinstance(source, Folders):
        parts = [each for each in (source.train, source.validation) if each is not None]
        return "\n".join(file.removeprefix(each.path) for each in parts for file in each.files)
    if data.is_code:
        return str(data.train)
    digests = []
    for name in (data.train, data.validation):
        if isinstance(name, str):
            with open(folder.file(name, "data file"), "rb") as stream:
                digests.append(hashlib.file_digest(stream, "sha256").hexdigest())
    return " ".join(digests)


__all__ = ["Event", "Found", "SweptSpec", "point_text", "sweep"]
