"""A trial of a sweep, as a storage of Optuna's holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["waiting", "running", "done", "pruned", "failed", "again"]


@dataclass(frozen=True)
class Trial:
    """One point and what became of it: `failed` for good, or `again` where another trial took its place.

    `value` is that of the metric that the sweep goes by, at the best of the trial's epochs, `epoch`; of a pruned trial
    at its last. `metrics` are all that it had there. `folder` holds its run, on the machine `host`.

    Attributes:
        number: from 0, in the order in which they began.
        state: what became of it.
        point: the values of the variables.
        value: the metric at its best epoch; of a pruned trial at its last.
        epoch: which epoch that is.
        metrics: all that it had there.
        seconds: how long it took.
        parameters: how many numbers its model has.
        folder: where its run is.
        host: the machine that it ran on.
        reason: why it failed.
        values: the metric after each epoch.
    """

    number: int
    state: State
    point: Mapping[str, Any]
    value: float | None = None
    epoch: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None
    parameters: int | None = None
    folder: str = ""
    host: str = ""
    reason: str = ""
    values: Mapping[int, float] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """Whether it is one of those that were asked for; one that is tried again is counted once."""
        return self.state in ("running", "done", "pruned", "failed")
