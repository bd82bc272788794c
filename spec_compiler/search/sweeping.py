"""A sweep, readable as a table of contents.

Spec    -> Task         task        the spec as it is written now, for processes of their own
Spec    -> points       points      those that are checked before the first trial
points  -> metric       checking    without Keras, then with it: what trials go by, or what is wrong
storage -> study        joining     one that goes on, or a new one
study   -> Study        study       Optuna's trials, no more and none twice
Study   -> Trials       training    who trains which, in processes that may die
Trial   -> train_spec   worker      a run in a folder of its own, in such a process
Trials  -> files        results     a table, a picture, the best point as a spec
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from spec_compiler.compiler import SpecLike
from spec_compiler.diagnostics import SpecError
from spec_compiler.search import results
from spec_compiler.search.checking import check_statically, check_with_keras
from spec_compiler.search.events import Event, Found, Watcher
from spec_compiler.search.folder import check_sweep_folder, clear
from spec_compiler.search.joining import opened
from spec_compiler.search.notebook import watching
from spec_compiler.search.points import points_to_check
from spec_compiler.search.pool import Pool
from spec_compiler.search.study import Study, not_installed, quiet
from spec_compiler.search.sweep_identity import sweep_identity
from spec_compiler.search.swept_spec import SweptSpec
from spec_compiler.search.task import Task, task_of
from spec_compiler.search.training import Training
from spec_compiler.spec import Spec
from spec_compiler.spec.file_paths import missing_files
from spec_compiler.spec.policy import PolicyLike
from spec_compiler.spec.sweep import Sweep
from spec_compiler.training.measure import Measure

_UNKNOWN = Measure("")  # until the points are checked


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
    watcher: Watcher | None = None,
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
    """One call of `sweep`: what is known of it at each step."""

    task: Task
    spec: Spec
    sweep: Sweep
    folder: str
    optuna: Any
    ends: ExitStack
    watcher: Watcher
    metric: Measure = _UNKNOWN
    study: Study | None = None

    def run(self, workers: int, storage: str | None, resume: bool, force: bool) -> SweptSpec:
        """The whole of it."""
        points = points_to_check(self.sweep, self._seed())
        with _of_the_spec(self.spec):
            missing_files(self.spec)
            check_statically(self.spec, self.task.allowed, points, self._tell)
            check_sweep_folder(self.folder, goes_on=resume or storage is not None, force=force)
        said = sweep_identity(self.spec, points[0], self.task.allowed)
        if force:
            clear(self.folder)
        os.makedirs(self.folder, exist_ok=True)
        with _of_the_spec(self.spec):
            at = opened(self.optuna, storage, self._name(), said, self.folder, force=force)
        pool = Pool(self.task, self.folder)
        self.ends.callback(pool.end)
        name, self.metric = check_with_keras(pool.start(), pool.answers, points, self._tell)
        epochs = sum(phase.epochs for phase in self.spec.train)
        joined = at.joined(self.sweep, epochs, self.metric.largest)
        study = Study(self.optuna, joined, self.sweep, self._seed(), self.metric.largest, self.folder)
        self.study = study
        self._tell(Event("checked", len(points), len(points)))
        training = Training(self.sweep, self.metric, study, self.folder, pool, self._tell)
        self.ends.callback(training.stop)
        for _ in range(1, workers):
            pool.start()
        try:
            training.train()
        finally:
            training.stop()
        return self._results(name, training)

    def _seed(self) -> int:
        return self.sweep.seed if self.sweep.seed is not None else self.spec.seed % 2**32

    def _name(self) -> str:
        """What the sweep is called among others in one storage."""
        file = os.path.splitext(os.path.basename(self.task.file or "sweep"))[0]
        return self.spec.name or file

    def _tell(self, event: Event) -> None:
        study = self.study
        trials = tuple(study.trials()) if study is not None and event.kind in ("checked", "begun", "ended") else ()
        best = study.best() if study is not None else None
        self.watcher(event, Found(self.sweep, self.metric, self._name(), trials, best))

    def _results(self, name: str, training: Training) -> SweptSpec:
        trials, best = training.study.trials(), training.study.best()
        files, best_spec = results.write(self.folder, self.task, self.sweep, self.metric, name, trials, best)
        broken = training.broken.get(best.number, ()) if best is not None else ()
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
