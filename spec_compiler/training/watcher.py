"""Who is told how far a run is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spec_compiler.training.history import History
from spec_compiler.training.unfreezing import Stage

if TYPE_CHECKING:
    from spec_compiler.result import CompiledSpec


@dataclass(frozen=True)
class Watcher:
    """Who is told how far a run is; the command line shows it.

    `anew` is called where a run was to be continued and there is none, `resumed` where it is, with what the spec says
    otherwise since, `mended` where its best model was damaged and could be made again, with its epoch, `phase` for
    every phase that has epochs left, `forgot` for a callback with attributes that no checkpoint could hold, `unfrozen`
    where a phase goes on with more that trains, `ended` for one that stopped early or went back to the weights of an
    earlier epoch, `evaluating` with the part of the data before the kept model is evaluated on it. `epoch` is called
    after each epoch, once all is written; `Pruned` raised in it ends the run.
    """

    compiled: Callable[[CompiledSpec], None] = lambda compiled: None
    image: Callable[[int, int], None] = lambda count, total: None
    data: Callable[[Any], None] = lambda data: None
    anew: Callable[[], None] = lambda: None
    resumed: Callable[[Sequence[str]], None] = lambda changes: None
    mended: Callable[[int], None] = lambda epoch: None
    phase: Callable[[Any, int], None] = lambda phase, num_parameters: None
    forgot: Callable[[str, Sequence[str]], None] = lambda callback, names: None
    unfrozen: Callable[[Stage], None] = lambda stage: None
    ended: Callable[[Any], None] = lambda end: None
    epoch: Callable[[History], None] = lambda history: None
    evaluating: Callable[[str], None] = lambda part: None
    verbose: int = 1
