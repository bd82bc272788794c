"""Where a run stands: what a checkpoint holds beside the model, and what Keras's own files leave out.

Keras does not save what random layers draw from next, the matrices of LoRA, nor what callbacks remember; without them a
continued run would not be the same run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spec_compiler.backend.training import checkpoints
from spec_compiler.backend.training.unsaved import restore_unsaved
from spec_compiler.diagnostics import SpecError
from spec_compiler.files.run_folder import LAST
from spec_compiler.spec.phase import Phase
from spec_compiler.training.history import History
from spec_compiler.training.identity import Identity, check_same, from_json

FORMAT_VERSION = 2
VARIABLES = "variables/"  # begins the names of arrays that belong to the model

Array = np.ndarray[Any, Any]


@dataclass
class Progress:
    """Where a run stands: the phase under way and the epochs it has done.

    `stopped` says that a callback ended the phase before its last epoch, `ended` that what callbacks do at its end is
    done. `ends` tells of each phase that ended otherwise than by its number of epochs. `marks` is what else the
    checkpoint said that it was read from.
    """

    phase: int = 0
    epochs_in_phase: int = 0
    stopped: bool = False
    ended: bool = False
    ends: list[dict[str, Any]] = field(default_factory=list)
    history: History = field(default_factory=History)
    best: float | None = None
    best_epoch: int | None = None
    callbacks: list[dict[str, Any]] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    marks: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The state as a checkpoint holds it."""
        return {
            "format_version": FORMAT_VERSION,
            "phase": self.phase,
            "epochs_in_phase": self.epochs_in_phase,
            "stopped": self.stopped,
            "ended": self.ended,
            "ends": self.ends,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "history": self.history.to_json(),
            "callbacks": self.callbacks,
        }


def load_progress(folder: str, said: Identity, phases: Sequence[Phase]) -> Progress | None:
    """Where the run in a folder stands; None where it has no checkpoint yet.

    `said` and `phases` are the spec's that continues it: it may have more epochs in the phase under way, and other
    phases after it.

    Raises:
        SpecError: SC608 for a checkpoint that is damaged, or of another spec or other data; paths from the spec.
    """
    path = os.path.join(folder, LAST)
    if not os.path.exists(path):
        return None
    found = checkpoints.read_state(path)
    if found is None:
        message = f"`{path}` is no whole checkpoint of a run"
        raise SpecError.single("SC608", message, help="begin anew in another folder, or with `--force`")
    state, arrays = found
    if state.get("format_version") != FORMAT_VERSION:
        message = f"the checkpoint `{path}` was written by another version"
        raise SpecError.single("SC608", message, help="begin anew in another folder, or with `--force`")
    check_same(from_json(state["said"]), said, state["phase"], folder)
    progress = Progress(
        state["phase"],
        state["epochs_in_phase"],
        state["stopped"],
        state["ended"],
        state["ends"],
        History.from_json(state["history"]),
        state["best"],
        state["best_epoch"],
        state["callbacks"],
        arrays,
        state,
    )
    _check_epochs(progress, phases)
    return progress


def _check_epochs(progress: Progress, phases: Sequence[Phase]) -> None:
    """Epochs that are done stay, and more of them can follow unless a callback took the model back at the end."""
    names = [name for name, _, _ in progress.history.phases()]
    for index, (name, first, last) in enumerate(progress.history.phases()):
        early = any(each["phase"] == name and each["by"] for each in progress.ends)
        given, done = phases[index].epochs, last - first + 1
        path, phase = ("train", index, "epochs"), f"the phase `{name}`"
        if given < done or (given > done and not early and index < len(names) - 1):
            message = f"{phase} of the run had {done} epochs, `epochs` is {given}"
            help = f"write `epochs: {done}`" if index < len(names) - 1 else f"write `epochs: {done}`, or more"
            raise SpecError.single("SC608", message, path=path, help=help)
        back = next((each["back_to"] for each in progress.ends if each["phase"] == name and each["back_to"]), None)
        if index == len(names) - 1 and progress.ended and given > done and not early and back is not None:
            message = f"{phase} ended by going back to the weights of epoch {back}, no epoch of the same run can follow"
            help = f"write `epochs: {done}` and add a phase after it, or begin anew in another folder"
            raise SpecError.single("SC608", message, path=path, help=help)


def memory_of(callback: Any) -> dict[str, Any]:
    """What a callback remembers between epochs: its plain numbers."""
    return {
        key: float(value) if isinstance(value, np.floating) else int(value) if isinstance(value, np.integer) else value
        for key, value in vars(callback).items()
        if value is None or isinstance(value, bool | int | float | np.number)
    }


def restore_callbacks(own: Sequence[Any], progress: Progress) -> None:
    for index, (callback, memory) in enumerate(zip(own, progress.callbacks, strict=False)):
        for key, value in memory.items():
            setattr(callback, key, value)
        weights = [progress.arrays[name] for name in _numbered(progress.arrays, f"callback/{index}/")]
        if weights:
            callback.best_weights = weights


def _numbered(arrays: Mapping[str, Array], prefix: str) -> list[str]:
    names = [name for name in arrays if name.startswith(prefix)]
    return sorted(names, key=lambda name: int(name.removeprefix(prefix)))


def restore_variables(model: Any, progress: Progress) -> None:
    """Gives the variables that Keras's file does not hold as they were the values that the checkpoint carries."""
    arrays = {
        name.removeprefix(VARIABLES): array for name, array in progress.arrays.items() if name.startswith(VARIABLES)
    }
    restore_unsaved(model, arrays)
