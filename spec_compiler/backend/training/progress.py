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
from spec_compiler.backend.training.memories import arrays_of, changed, data_of, forgotten_of, numbers_of
from spec_compiler.backend.training.unsaved import restore_unsaved, unsaved_variables
from spec_compiler.diagnostics import SpecError
from spec_compiler.files.run_folder import LAST
from spec_compiler.spec.phase import Phase
from spec_compiler.training.history import History
from spec_compiler.training.identity import Identity, check_same, from_json, waits_longer

FORMAT_VERSION = 2
# What the spec says of a callback: it may say another patience, and Keras gives `min_delta` its sign once more.
_SAID = ("patience", "min_delta")
_VARIABLES = "variables/"  # begins the names of arrays that belong to the model
# Fields of `Progress` that JSON holds as they are.
_PLAIN = (
    "phase",
    "epochs_in_phase",
    "stopped",
    "ended",
    "ends",
    "best",
    "best_epoch",
    "callbacks",
    "forgotten",
    "frozen",
    "begun",
)

Array = np.ndarray[Any, Any]


@dataclass
class Progress:
    """Where a run stands: the phase under way and the epochs it has done.

    `stopped` says that a callback ended the phase before its last epoch, `ended` that what callbacks do at its end is
    done. `ends` tells of each phase that ended otherwise than by its number of epochs. `forgotten` names for each
    callback what no checkpoint can hold of it. `begun` has the checksums of what the phase under way freezes, as it
    found it; `frozen` says of each phase that is done what it left as it was. `marks` is what else the checkpoint said
    that it was read from, `changes` what the spec says otherwise since.
    """

    phase: int = 0
    epochs_in_phase: int = 0
    stopped: bool = False
    ended: bool = False
    ends: list[dict[str, Any]] = field(default_factory=list)
    frozen: list[dict[str, Any]] = field(default_factory=list)
    begun: dict[str, str] = field(default_factory=dict)
    history: History = field(default_factory=History)
    best: float | None = None
    best_epoch: int | None = None
    callbacks: list[dict[str, Any]] = field(default_factory=list)
    forgotten: list[list[str]] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    marks: Mapping[str, Any] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The state as a checkpoint holds it."""
        state = {name: getattr(self, name) for name in _PLAIN}
        return {"format_version": FORMAT_VERSION, **state, "history": self.history.to_json()}


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
    checkpoint = checkpoints.read_state(path)
    if checkpoint is None or checkpoint[0].get("format_version") != FORMAT_VERSION:
        message = f"the checkpoint `{path}` was written by another version"
        if checkpoint is None:
            message = f"`{path}` is no whole checkpoint of a run"
        raise SpecError.single("SC608", message, help="begin anew in another folder, or with `--force`")
    state, arrays = checkpoint
    before = from_json(state["said"])
    changes = check_same(before, said, state["phase"], folder)
    plain = {name: state[name] for name in _PLAIN if name in state}  # earlier versions knew fewer
    history = History.from_json(state["history"])
    progress = Progress(**plain, history=history, arrays=arrays, marks=state, changes=changes)
    _wait_longer(progress, waits_longer(before, said, progress.phase), phases)
    _check_epochs(progress, phases)
    return progress


def _wait_longer(progress: Progress, positions: Sequence[int], phases: Sequence[Phase]) -> None:
    """Lets a phase go on that an EarlyStopping ended which is more patient now, unless it took the model back."""
    if not positions or not progress.stopped:
        return
    name = phases[progress.phase].phase
    stopping = [at for at in positions if progress.callbacks[at].get("stopped_epoch")]
    others = [each for at, each in enumerate(progress.callbacks) if each.get("stopped_epoch") and at not in positions]
    if not stopping or others:  # another one has stopped it as well
        return
    end = next((each for each in progress.ends if each["phase"] == name), None)
    if end is not None and end["back_to"]:
        path = ("train", progress.phase, "callbacks", stopping[0], "EarlyStopping", "patience")
        message = f"the phase `{name}` ended by going back to the weights of epoch {end['back_to']}, "
        message += "no epoch of the same run can follow"
        help = "write the `patience` that it had and add a phase after it, or begin anew in another folder"
        raise SpecError.single("SC608", message, path=path, help=help)
    waits = [progress.callbacks[at].get("wait", 0) for at in stopping]
    patience = [(phases[progress.phase].callbacks or ())[at].arguments["patience"] for at in stopping]
    if all(wait < most for wait, most in zip(waits, patience, strict=True)):
        progress.stopped = progress.ended = False
        progress.ends = [each for each in progress.ends if each is not end]
        for at in stopping:
            progress.callbacks[at]["stopped_epoch"] = 0


def _check_epochs(progress: Progress, phases: Sequence[Phase]) -> None:
    """Epochs that are done stay, and more of them can follow unless a callback took the model back at the end."""
    for index, (name, first, last) in enumerate(done := progress.history.phases()):
        ends = [end for end in progress.ends if end["phase"] == name]
        early, back = any(end["by"] for end in ends), next((end["back_to"] for end in ends if end["back_to"]), None)
        num_epochs, num_done, is_last = phases[index].epochs, last - first + 1, index == len(done) - 1
        path, phase = ("train", index, "epochs"), f"the phase `{name}`"
        if num_epochs < num_done or (num_epochs > num_done and not early and not is_last):
            message = f"{phase} of the run had {num_done} epochs, `epochs` is {num_epochs}"
            help = f"write `epochs: {num_done}`, or more" if is_last else f"write `epochs: {num_done}`"
            raise SpecError.single("SC608", message, path=path, help=help)
        averaged = any(end.get("averaged") for end in ends)
        if is_last and progress.ended and num_epochs > num_done and not early and (averaged or back is not None):
            how = "taking the moving averages of its weights"
            if back is not None:
                how = f"going back to the weights of epoch {back}"
            message = f"{phase} ended by {how}, no epoch of the same run can follow"
            help = f"write `epochs: {num_done}` and add a phase after it, or begin anew in another folder"
            raise SpecError.single("SC608", message, path=path, help=help)


def remember(
    progress: Progress, model: Any, own: Sequence[Any], fresh: Sequence[Mapping[str, Any]]
) -> dict[str, Array]:
    """Notes what the callbacks know, and returns the arrays that Keras's file of the model leaves out.

    `fresh` is what `data_of` gave of each when it was made.
    """
    progress.callbacks = [
        numbers_of(callback) | changed(data_of(callback), before) for callback, before in zip(own, fresh, strict=True)
    ]
    progress.forgotten = [forgotten_of(callback) for callback in own]
    arrays = {f"{_VARIABLES}{at}": value for at, value in unsaved_variables(model).items()}
    for index, callback in enumerate(own):
        for position, weights in enumerate(getattr(callback, "best_weights", None) or ()):
            arrays[f"callback/{index}/{position}"] = np.asarray(weights)
        arrays |= {f"memory/{index}/{name}": array for name, array in arrays_of(callback).items()}
    return arrays


def restore_callbacks(own: Sequence[Any], progress: Progress) -> None:
    """Gives callbacks back what they knew when the checkpoint was written."""
    for index, (callback, memory) in enumerate(zip(own, progress.callbacks, strict=False)):
        for key, value in (memory | _below(f"memory/{index}/", progress.arrays)).items():
            if key not in _SAID:
                setattr(callback, key, value)
        weights = _below(f"callback/{index}/", progress.arrays)
        if weights:
            callback.best_weights = [weights[position] for position in sorted(weights, key=int)]


def restore_variables(model: Any, progress: Progress) -> None:
    """Sets the variables that Keras's own file leaves out to what the checkpoint holds of them."""
    restore_unsaved(model, _below(_VARIABLES, progress.arrays))


def _below(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
