"""The end of a phase: what Keras's `fit` does then, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from spec_compiler.backend.training.progress import Progress
from spec_compiler.spec.phase import Phase


def end_as_fit_does(own: Sequence[Any], model: Any) -> None:
    """Does to the model what Keras's `fit` would have done at its end."""
    if isinstance(model.optimizer, keras.optimizers.Optimizer):
        model.optimizer.finalize_variable_values(model.trainable_weights)
    for callback in own:
        if getattr(callback, "restore_best_weights", False) and getattr(callback, "best_weights", None) is not None:
            model.set_weights(callback.best_weights)


def end_of(own: Sequence[Any], phase: Phase, progress: Progress, optimizer: Any) -> dict[str, Any]:
    """How a phase ended: which callback stopped it, if one did, and the epoch whose weights the model has then.

    `averaged` says that Keras put the moving averages in the weights' place.
    """
    end: dict[str, Any] = {"phase": phase.phase, "epochs": progress.epochs_in_phase, "of": phase.epochs,
                           "by": None, "monitor": None, "back_to": None,
                           "averaged": bool(getattr(_innermost(optimizer), "use_ema", False))}  # fmt: skip
    for callback in own:
        if isinstance(callback, keras.callbacks.EarlyStopping):
            if progress.stopped and callback.stopped_epoch:
                end |= {"by": "EarlyStopping", "monitor": callback.monitor}
            went_back = callback.restore_best_weights and callback.best_weights is not None
            if went_back and callback.best_epoch + 1 < len(progress.history):
                end["back_to"] = callback.best_epoch + 1
    if progress.stopped and end["by"] is None and progress.epochs_in_phase < phase.epochs:
        end["by"] = "a callback"
    return end


def _innermost(optimizer: Any) -> Any:
    """The optimizer inside of a `LossScaleOptimizer`, or it itself."""
    return getattr(optimizer, "inner_optimizer", optimizer)
