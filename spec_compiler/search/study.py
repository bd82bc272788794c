"""The trials of a sweep in a storage of Optuna's, which several processes and machines may share.

Optuna chooses the points and keeps the record. What is here is what a search on one storage needs beside that: no point
twice where they can be counted, no more trials than were asked for, and trials of dead processes tried again.
"""

from __future__ import annotations

import contextlib
import copy
import os
import random
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from spec_compiler.diagnostics import SpecError
from spec_compiler.files.whole import PREFIX, sweep
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.search.table import best_of
from spec_compiler.search.trial import State, Trial
from spec_compiler.spec.sweep import Sweep
from spec_compiler.spec.swept_values import Values
from spec_compiler.training.identity import Identity, from_json, to_json

HOLD = f"{PREFIX}trial-"  # begins the name of a folder that says, while a process holds its lock, who has the trial
HEARTBEAT, GRACE = 15.0, 120.0  # seconds: how often a trial says that it lives, and how long silence is no death
MOST_DEATHS = 3  # of processes with one point, until it is left alone
_SAID, _AGAIN, _DEATHS, _SURPLUS = "spec_compiler:spec", "again", "deaths", "surplus"


@dataclass
class Study:
    """A study of Optuna's, and what is known of trials that other processes have."""

    optuna: Any
    study: Any
    sweep: Sweep
    seed: int
    largest: bool
    folder: str
    beats: dict[int, tuple[Any, float]] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic

    def next(self) -> Any:
        """The next trial, with its point chosen; None where there is nothing to begin.

        A point that is or was tried is taken back: two processes may choose at the same moment.
        """
        for _ in range(1000):
            if not self._room():
                return None
            # Made anew, so that what is chosen depends on the trials alone, however often a sweep was interrupted.
            self.study.sampler = self._sampler(len(self.study.get_trials(deepcopy=False)))
            asked = self.study.ask()
            point = {name: _suggested(asked, name, values) for name, values in self.sweep.vars.items()}
            self.study.sampler = self.optuna.samplers.RandomSampler()  # the grid's would end the study in `tell`
            before = [each for each in self.trials() if each.counts and each.number < asked.number]
            taken = {flow(each.point) for each in before}
            if len(before) < self.sweep.num_trials and flow(point) not in taken:
                return asked
            asked.set_user_attr(_SURPLUS, True)
            self.study.tell(asked, state=self.optuna.trial.TrialState.FAIL)
            self._offer_another(taken)
        return None

    def _room(self) -> bool:
        """Whether a trial may begin: one that waits to be tried again, or one that is still asked for."""
        trials = self.trials()
        begun = sum(each.counts for each in trials)
        return begun < self.sweep.num_trials

    def _offer_another(self, taken: set[str]) -> None:
        """Where points can be counted, puts one in the queue that nobody has; elsewhere the sampler finds another."""
        count = self.sweep.num_points
        if count is None or len(taken) >= self.sweep.num_trials or self._waiting():
            return
        draw = random.Random(f"{self.seed}/{len(taken)}")  # noqa: S311 - the same points each time
        for _ in range(10_000):
            point = {name: values.at(draw.randrange(values.count or 1)) for name, values in self.sweep.vars.items()}
            if flow(point) not in taken:
                self.study.enqueue_trial({name: self.sweep_label(name, value) for name, value in point.items()})
                return

    def sweep_label(self, name: str, value: Any) -> Any:
        """A value as Optuna's parameter has it."""
        return _labels(self.sweep.vars[name]).get(flow(value), value)

    def _waiting(self) -> bool:
        return any(each.state == "waiting" for each in self.trials())

    def trials(self) -> list[Trial]:
        """All trials that are or were somebody's, in order."""
        found = self.study.get_trials(deepcopy=False)
        return [self._trial(each) for each in found if not each.user_attrs.get(_SURPLUS)]

    def _trial(self, frozen: Any) -> Trial:
        said: Mapping[str, Any] = frozen.user_attrs
        point = {
            name: _value_of(self.sweep.vars[name], frozen.params[name])
            for name in self.sweep.vars
            if name in frozen.params
        }
        state = _STATES[frozen.state.name]
        if state == "failed" and said.get(_AGAIN):
            state = "again"
        value = frozen.value if state in ("done", "pruned") else None
        values = dict(sorted(frozen.intermediate_values.items()))
        epoch = said.get("epoch")
        if state == "pruned" and values:
            epoch = max(values)
            value = values[epoch]
        return Trial(
            frozen.number,
            state,
            point,
            value,
            epoch,
            said.get("metrics", {}),
            said.get("seconds"),
            said.get("parameters"),
            said.get("folder", ""),
            said.get("host", ""),
            said.get("reason", ""),
            values,
        )

    def best(self) -> Trial | None:
        """The first of the best trials that ran to their end."""
        return best_of(self.trials(), self.largest)

    def begins(self, asked: Any, folder: str) -> None:
        """Notes who trains a trial, and where."""
        asked.set_user_attr("host", socket.gethostname())
        asked.set_user_attr("folder", folder)
        self.beat(asked)

    def beat(self, asked: Any) -> None:
        """Says that a trial is alive, for those that cannot see the lock on its folder."""
        asked.set_user_attr("beat", time.time())

    def reports(self, asked: Any, values: Mapping[int, float]) -> bool:
        """Notes how a trial stands after an epoch; whether it goes on."""
        known = self._frozen(asked.number).intermediate_values
        for epoch, value in values.items():
            if epoch not in known and value == value:
                asked.report(value, epoch)
        return not (self.sweep.prune is not None and asked.should_prune())

    def ends(self, asked: Any, state: State, said: Mapping[str, Any], value: float | None = None) -> None:
        """Notes how a trial ended."""
        for name, each in said.items():
            if each is not None and each != "":
                asked.set_user_attr(name, each)
        states = self.optuna.trial.TrialState
        if state == "done":
            self.study.tell(asked, value)
        else:
            self.study.tell(asked, state=states.PRUNED if state == "pruned" else states.FAIL)

    def again(self, number: int, reason: str, *, died: bool) -> State | None:
        """Marks a trial as failed and puts its point in the queue; None where it has ended or others did this.

        A point with which `MOST_DEATHS` processes died is left alone, `failed`: it surely needs too much memory.
        """
        frozen, fails = self._frozen(number), self.optuna.trial.TrialState.FAIL
        deaths = frozen.user_attrs.get(_DEATHS, 0) + died
        is_last = deaths >= MOST_DEATHS
        storage = self.study._storage  # Optuna has no public way to note something at another process's trial
        try:
            storage.set_trial_user_attr(frozen._trial_id, "reason", reason)
            storage.set_trial_user_attr(frozen._trial_id, _AGAIN, not is_last)
            if not storage.set_trial_state_values(frozen._trial_id, fails):
                return None
        except self.optuna.exceptions.UpdateFinishedTrialError:
            return None
        if is_last:
            return "failed"
        waiting = copy.copy(frozen)
        waiting.user_attrs = {"previous": frozen.user_attrs.get("folder", ""), _DEATHS: deaths}
        self.optuna.storages.RetryHeartbeatStaleTrialCallback()(self.study, waiting)
        return "again"

    def _frozen(self, number: int) -> Any:
        return self.study.get_trials(deepcopy=False)[number]

    def previous(self, asked: Any) -> str:
        """The folder of the trial that this one is tried again for; empty where it is the first of its point."""
        return str(asked.user_attrs.get("previous", ""))

    def revived(self, mine: set[int]) -> list[int]:
        """Finds trials whose process is gone, and puts their points in the queue; returns their numbers."""
        found = []
        for frozen in self.study.get_trials(deepcopy=False):
            if frozen.state.name != "RUNNING" or frozen.number in mine or not self._is_dead(frozen):
                continue
            if self.again(frozen.number, "its process was gone", died=True) is not None:
                found.append(frozen.number)
        return found

    def _is_dead(self, frozen: Any) -> bool:
        said = frozen.user_attrs
        folder = said.get("folder", "")
        if said.get("host") == socket.gethostname() and folder and os.name == "posix":
            return not any(each.startswith(HOLD) for each in sweep(folder))
        beat, since = self.beats.get(frozen.number, (None, None))
        now = self.clock()
        if since is None or beat != said.get("beat"):
            self.beats[frozen.number] = (said.get("beat"), now)
            return False
        return now - since > GRACE

    def _sampler(self, count: int) -> Any:
        samplers, seed = self.optuna.samplers, (self.seed + count) % 2**32
        if self.sweep.sampler == "grid":
            grid = {
                name: [self.sweep_label(name, values.at(index)) for index in range(values.count or 0)]
                for name, values in self.sweep.vars.items()
            }
            return samplers.GridSampler(grid, seed=self.seed)  # one order for all processes
        if self.sweep.sampler == "random":
            return samplers.RandomSampler(seed=seed)
        return samplers.TPESampler(seed=seed)


_STATES: Mapping[str, State] = {
    "WAITING": "waiting",
    "RUNNING": "running",
    "COMPLETE": "done",
    "PRUNED": "pruned",
    "FAIL": "failed",
}


def _labels(values: Values) -> dict[str, Any]:
    """What Optuna calls each value of a list: the value itself, or its text where Optuna could not tell them apart."""
    plain = all(each is None or type(each) in (str, int, float) for each in values.choices)
    distinct = len(set(values.choices)) == len(values.choices) if plain else False
    return {flow(each): each if plain and distinct else flow(each) for each in values.choices}


def _suggested(asked: Any, name: str, values: Values) -> Any:
    """The value of a variable that the sampler chooses for a trial."""
    if values.kind is None:
        return _value_of(values, asked.suggest_categorical(name, list(_labels(values).values())))
    high = values.high if values.count is None else values.at(values.count - 1)  # the last that a step reaches
    if values.is_whole:
        step = int(values.step or 1)
        return asked.suggest_int(name, int(values.low), int(high), step=step, log=values.is_log)
    return asked.suggest_float(name, values.low, high, step=values.step, log=values.is_log)


def _value_of(values: Values, label: Any) -> Any:
    if values.kind is not None:
        return label
    labels = _labels(values)
    return next((each for each in values.choices if labels[flow(each)] == label), label)


@contextlib.contextmanager
def quiet(optuna: Any) -> Iterator[None]:
    """Optuna says nothing inside: what is experimental of it is ours to know, what happens is told by the sweep."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)


def said_in(study: Any) -> Identity | None:
    """The digests of the spec that a study began with; None where it has none yet."""
    rows = study.user_attrs.get(_SAID)
    return None if rows is None else from_json(rows)


def say_in(study: Any, said: Identity) -> None:
    """Notes the digests of the spec that a study begins with."""
    study.set_user_attr(_SAID, to_json(said))


def not_installed() -> SpecError:
    """SC608 without Optuna."""
    message = "a sweep runs on Optuna, which is not installed"
    help = "install it: `pip install 'spec-compiler[sweep]'`, or `pip install 'optuna>=5'`"
    return SpecError.single("SC608", message, path=("sweep",), at_key=True, help=help)
