"""Where a run stands: what a checkpoint holds beside the model, and what Keras's own files leave out.

Keras does not save what random layers draw from next, nor what callbacks remember; without them a continued run would
not be the same run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from spec_compiler.backend import checkpoints
from spec_compiler.diagnostics import SpecError
from spec_compiler.training.history import History
from spec_compiler.training.run_folder import LAST

FORMAT_VERSION = 1

Array = np.ndarray[Any, Any]


@dataclass
class Progress:
    """Where a run stands: the phase under way, the epochs it has done, and whether its `fit` has come to an end."""

    phase: int = 0
    epochs_in_phase: int = 0
    stopped: bool = False
    history: History = field(default_factory=History)
    best: float | None = None
    best_epoch: int | None = None
    callbacks: list[dict[str, Any]] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The state as a checkpoint holds it."""
        return {
            "format_version": FORMAT_VERSION,
            "phase": self.phase,
            "epochs_in_phase": self.epochs_in_phase,
            "stopped": self.stopped,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "history": self.history.to_json(),
            "callbacks": self.callbacks,
        }


def load_progress(folder: str, fingerprint: str) -> Progress | None:
    """Where the run in a folder stands; None where it has no checkpoint yet.

    Raises:
        SpecError: SC608 for a checkpoint that is damaged, or of another spec or other data.
    """
    path = os.path.join(folder, LAST)
    if not os.path.exists(path):
        return None
    found = checkpoints.read_state(path)
    if found is None:
        message = f"`{path}` is no whole checkpoint of a run"
        raise SpecError.single("SC608", message, help="begin anew in another folder, or with `--force`")
    state, arrays = found
    if state.get("fingerprint") != fingerprint:
        message = f"the run in `{folder}` is of another spec or of other data"
        help = "continue it with the spec that it began with, or begin anew in another folder"
        raise SpecError.single("SC608", message, help=help)
    return Progress(
        state["phase"],
        state["epochs_in_phase"],
        state["stopped"],
        History.from_json(state["history"]),
        state["best"],
        state["best_epoch"],
        state["callbacks"],
        arrays,
    )


def random_states(model: Any) -> dict[str, Array]:
    """What random layers draw from next, by position; Keras's weight files do not hold it."""
    return {
        _random_path(model, variable): np.asarray(keras.ops.convert_to_numpy(variable))
        for variable in model.variables
        if variable.name == "seed_generator_state"
    }


def _random_path(model: Any, variable: Any) -> str:
    return str(next(index for index, each in enumerate(model.variables) if each is variable))


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


def restore_random_states(model: Any, progress: Progress) -> None:
    """Gives random layers the states that the checkpoint holds."""
    for variable in model.variables:
        value = progress.arrays.get(f"random/{_random_path(model, variable)}")
        if value is not None:
            variable.assign(value)
