"""The trials of a sweep as a table: for a file, and for a reader."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence

from spec_compiler.search.trial import Trial
from spec_compiler.spec.swept import value_text

STATES = {
    "running": "runs",
    "done": "",
    "pruned": "pruned",
    "failed": "failed",
    "again": "tried again",
    "waiting": "waits",
}


def ranked(trials: Sequence[Trial], largest: bool) -> list[Trial]:
    """Those that ran to their end, the best first, then the pruned ones, then the others in order."""

    def key(trial: Trial) -> tuple[int, float, int]:
        value = trial.value if trial.value is not None and not math.isnan(trial.value) else None
        group = 0 if trial.state == "done" else 1 if trial.state == "pruned" else 2
        return group, 0.0 if value is None or group == 2 else -value if largest else value, trial.number

    return sorted((each for each in trials if each.point), key=key)


def best_of(trials: Iterable[Trial], largest: bool) -> Trial | None:
    """The first of the best trials that ran to their end."""
    done = [each for each in trials if each.state == "done"]
    return (max if largest else min)(done, key=lambda each: each.value or 0.0, default=None)


def to_csv(trials: Sequence[Trial], variables: Sequence[str], metric: str) -> str:
    """A row for each trial, in order; numbers with all of their digits."""
    others = [name for name in dict.fromkeys(name for each in trials for name in each.metrics) if name != metric]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ["trial", *variables, "state", metric, "epoch", *others, "parameters", "seconds", "reason", "folder"]
    )
    for each in trials:
        if each.point:
            values = [_cell(each.point.get(name)) for name in variables]
            metrics = [_cell(each.metrics.get(name)) for name in others]
            figures = [_cell(each.value), _cell(each.epoch), *metrics, _cell(each.parameters)]
            seconds = "" if each.seconds is None else f"{each.seconds:.3f}"
            writer.writerow([each.number, *values, each.state, *figures, seconds, each.reason, each.folder])
    return stream.getvalue()


def _cell(value: object) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else value_text(value)


def rows(trials: Sequence[Trial], variables: Sequence[str], metric: str, largest: bool) -> list[list[str]]:
    """The table for a reader, its header first, the best trial above."""
    found = [["trial", *variables, metric, "epoch", "seconds", ""]]
    for each in ranked(trials, largest):
        value = "" if each.value is None else f"{each.value:.4f}"
        seconds = "" if each.seconds is None else f"{each.seconds:.0f}"
        remark = STATES[each.state]
        if each.reason and each.state in ("failed", "again"):
            remark = f"{remark}: {each.reason}"
        point = [value_text(each.point[name]) if name in each.point else "" for name in variables]
        found.append([str(each.number), *point, value, "" if each.epoch is None else str(each.epoch), seconds, remark])
    return found
