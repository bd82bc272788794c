"""What a sweep tells whoever watches it: what happened, and how it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spec_compiler.search.trial import Trial
from spec_compiler.spec.sweep import Sweep
from spec_compiler.training.measure import Measure


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
    metric: Measure
    name: str
    trials: tuple[Trial, ...]
    best: Trial | None


Watcher = Callable[[Event, Found], None]
