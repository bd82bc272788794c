"""Callbacks of a phase that `fit` runs in several goes, after a kill or as what trains changes: to them it is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from spec_compiler.backend.training.progress import Progress, restore_callbacks


class Through(keras.callbacks.CallbackList):  # type: ignore[misc]
    """Callbacks whose training begins with the first `fit` and ends with the last one.

    `goes_on` says, when one ends, whether another follows.
    """

    def __init__(self, callbacks: Sequence[Any], model: Any, *, verbose: int, epochs: int, steps: int | None) -> None:
        super().__init__(
            list(callbacks),
            add_history=True,
            add_progbar=verbose != 0,
            model=model,
            verbose=verbose,
            epochs=epochs,
            steps=steps,
        )
        self.begun = False
        self.goes_on = False

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        if not self.begun:
            super().on_train_begin(logs)
        self.begun = True

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        if not self.goes_on or self.model.stop_training:
            super().on_train_end(logs)


def finalize_at_the_end(model: Any) -> None:
    """Moving averages take the weights' place at the end of the phase, not of each `fit` in it."""
    finalize = model.optimizer.finalize_variable_values

    def at_the_end(var_list: Any) -> None:
        if model.stop_training:
            finalize(var_list)

    model.optimizer.finalize_variable_values = at_the_end


class Reminder(keras.callbacks.Callback):  # type: ignore[misc]
    """Gives callbacks back what they knew; they forget it in `on_train_begin`, so this one comes after them."""

    def __init__(self, own: Sequence[Any], progress: Progress) -> None:
        super().__init__()
        self.own, self.progress = own, progress

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        restore_callbacks(self.own, self.progress)
