"""The phases of a run, each Keras's own `compile` and `fit`, with a checkpoint after every epoch.

What a checkpoint holds is enough to go on as if nothing had happened: weights, optimizer, the states of random layers
(which Keras leaves out of its weight files), what callbacks remember, and the history. Batches depend on seed and epoch
alone.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.models.breakdowns import broken, diverged
from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.training import checkpoints, frozen
from spec_compiler.backend.training.batches import Batches
from spec_compiler.backend.training.carrying import carry_state, check_carries
from spec_compiler.backend.training.compiling import compile_arguments, fitted_optimizer, located
from spec_compiler.backend.training.job import Job
from spec_compiler.backend.training.memories import data_of
from spec_compiler.backend.training.phase_ends import end_as_fit_does, end_of
from spec_compiler.backend.training.progress import Progress, remember, restore_callbacks, restore_variables
from spec_compiler.backend.training.staged import Reminder, Through, finalize_at_the_end
from spec_compiler.backend.weights.freezing import layers_of, set_trainable
from spec_compiler.diagnostics import SpecError
from spec_compiler.files.run_folder import BEST, BEST_ADAPTERS, HISTORY, LAST, LAST_ADAPTERS, LOGS
from spec_compiler.training.history import History, Row
from spec_compiler.training.identity import to_json
from spec_compiler.training.pruned import Pruned
from spec_compiler.training.unfreezing import Stage
from spec_compiler.weights.files import admitted


def fit_phases(job: Job, progress: Progress | None = None) -> History:
    """Trains through all phases, from the beginning or from where a run stands, and returns the whole history.

    Raises:
        SpecError: SC601, SC605, SC608, SC609, SC613.
    """
    progress = progress or Progress()
    progress.history = replace(progress.history, goes_by=job.measure)
    resumed = len(progress.history) > 0
    keras.utils.set_random_seed(job.seed % 2**32)  # NumPy takes no larger one
    for index in range(len(job.phases)):  # what Keras refuses in the last phase is told before the first
        _compile_arguments(job, index)
        _callbacks(job, index)
        if len(job.stages[index]) > 1:
            check_carries(lambda at=index: _compile_arguments(job, at)["optimizer"], ("train", index, "unfreeze_every"))
    job.begins()
    while progress.phase < len(job.phases):
        _fit_phase(job, progress, resumed)
        resumed = False
        progress.phase += 1
        progress.epochs_in_phase, progress.stopped, progress.ended = 0, False, False
        progress.callbacks, progress.forgotten, progress.arrays, progress.begun = [], [], {}, {}
    return progress.history


def _fit_phase(job: Job, progress: Progress, resumed: bool) -> None:
    phase, model = job.phases[progress.phase], job.model
    stage = _stage_at(job, progress, max(progress.epochs_in_phase - 1, 0))  # of the checkpoint, of a run that goes on
    _compile(job, progress, stage)
    own = _callbacks(job, progress.phase)
    if resumed:
        _restore(job, progress)
    if not progress.begun or not progress.epochs_in_phase:
        progress.begun = frozen.checksums(model)
    keeper = _Keeper(job, progress, own)
    if progress.stopped or progress.epochs_in_phase >= phase.epochs:  # killed between the last epoch and the end
        restore_callbacks(own, progress)
        if not progress.ended:
            end_as_fit_does(own, model)
    else:
        progress.ended = False  # a phase that was at its end and has more epochs now
        job.watcher.phase(phase, sum(int(np.prod(each.shape)) for each in model.trainable_variables))
        callbacks = [*_logs(job, progress.phase), *own, keeper]
        if progress.epochs_in_phase:
            callbacks.append(Reminder(own, progress))
            for (_, entry), names in zip(job.fits[progress.phase].callbacks, progress.forgotten, strict=False):
                if names:
                    job.watcher.forgot(entry.name, names)
            for callback in own:
                if isinstance(callback, keras.callbacks.CSVLogger):
                    callback.append = True  # else `on_train_begin` empties its file
        _fit_stages(job, progress, stage, callbacks)
    said = frozen.proven(model, progress.begun, progress.phase, phase.phase)
    progress.frozen = [*(each for each in progress.frozen if each["phase"] != phase.phase), said]
    if not progress.ended:
        progress.ended = True
        end = end_of(own, phase, progress, model.optimizer)
        if end["by"] or end["back_to"] or end["averaged"]:
            progress.ends.append(end)
            job.watcher.ended(end)
    keeper.save()  # with what callbacks did at the end: EarlyStopping goes back to the best weights


def _stage_at(job: Job, progress: Progress, epoch: int) -> Stage:
    """What trains in an epoch of the phase under way, counted from 0."""
    return [each for each in job.stages[progress.phase] if each.epoch <= epoch][-1]


def _compile(job: Job, progress: Progress, stage: Stage) -> None:
    """Lets Keras compile the model anew, with what trains in a stage."""
    model = job.model
    set_trainable(layers_of(model, stage.graph), stage.graph)
    arguments = _compile_arguments(job, progress.phase)
    arguments["optimizer"] = fitted_optimizer(arguments["optimizer"], model, stage.graph, job.grouping)
    model.compile(**arguments)


def _fit_stages(job: Job, progress: Progress, stage: Stage, callbacks: list[Any]) -> None:
    """One `fit` for each stage of the phase that is left; all others of a phase have one."""
    phase, model, stages = job.phases[progress.phase], job.model, job.stages[progress.phase]
    last = len(progress.history) - progress.epochs_in_phase + phase.epochs
    data = _data_arguments(job, progress.phase)
    through: Through | None = None
    if len(stages) > 1:
        steps = len(job.data) if isinstance(job.data, Batches) else job.fits[progress.phase].steps_per_epoch
        through = Through(callbacks, model, verbose=job.watcher.verbose, epochs=last, steps=steps)
    while progress.epochs_in_phase < phase.epochs and not progress.stopped:
        now = _stage_at(job, progress, progress.epochs_in_phase)
        if now is not stage:
            stage = _advance(job, progress, now)
        following = next((each.epoch for each in stages if each.epoch > stage.epoch), phase.epochs)
        if through is not None:
            through.goes_on = following < phase.epochs
            if through.goes_on:
                finalize_at_the_end(model)
        try:
            with checkpoints.saving_whole(model):
                model.fit(
                    **data,
                    class_weight=job.class_weight,
                    epochs=last - phase.epochs + following,
                    initial_epoch=len(progress.history),
                    callbacks=callbacks if through is None else through,
                    verbose=job.watcher.verbose,
                    shuffle=False,  # the batches come shuffled
                )
        except (SpecError, Pruned, KeyboardInterrupt):
            raise
        except OSError as error:
            raise checkpoints.unwritable(error, str(error.filename or job.folder)) from None
        except Exception as error:
            if checkpoints.of_the_disk(error):  # the logs for TensorBoard, which TensorFlow writes
                raise checkpoints.unwritable(error, job.folder) from None
            raise broken(error, progress.phase, job.code_folder) from error


def _advance(job: Job, progress: Progress, stage: Stage) -> Stage:
    """The model compiled anew with more that trains, and with all that its optimizer knows."""
    model, before = job.model, job.model.optimizer
    _compile(job, progress, stage)
    model.optimizer.build(model.trainable_variables)
    if before.built:
        carry_state(before, model.optimizer)
    job.watcher.unfrozen(stage)
    return stage


def _compile_arguments(job: Job, index: int) -> dict[str, Any]:
    optimizer = job.phases[index].optimizer
    own = (optimizer, ("train", index, "optimizer")) if optimizer is not None else None
    return compile_arguments(job.compile, len(job.model.outputs), job.code_folder, own)


def _callbacks(job: Job, index: int) -> list[Any]:
    return [located(each, path, job.code_folder, job.folder) for path, each in job.fits[index].callbacks]


def _data_arguments(job: Job, index: int) -> dict[str, Any]:
    """What `fit` is told of its data; our own batches count their steps themselves, the same after `--resume`."""
    fit, arguments = job.fits[index], {"x": job.data, "validation_data": job.validation}
    for data, key in ((job.data, "steps_per_epoch"), (job.validation, "validation_steps")):
        steps = getattr(fit, key)
        if isinstance(data, Batches):
            data.steps = steps if data is job.data or steps is None else min(steps, data.batches_in_all)
        elif data is not None and steps is not None:
            arguments[key] = steps
    return arguments if fit.validation_freq == 1 else arguments | {"validation_freq": fit.validation_freq}


def _logs(job: Job, phase: int) -> Iterable[Any]:
    if job.tensorboard:
        name = f"{phase + 1}-{job.phases[phase].phase}".replace(" ", "_")
        yield keras.callbacks.TensorBoard(os.path.join(job.folder, LOGS, name), write_graph=False)


class _Keeper(keras.callbacks.Callback):  # type: ignore[misc]
    """Last of the callbacks: writes history, best model and checkpoint after each epoch."""

    def __init__(self, job: Job, progress: Progress, own: Sequence[Any]) -> None:
        super().__init__()
        self.job, self.progress, self.own = job, progress, own
        self.fresh = [data_of(callback) for callback in own]

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if isinstance(self.job.data, Batches):
            self.job.data.epoch = epoch
        self.began, self.rate = time.monotonic(), _learning_rate(self.model)

    def on_test_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self.job.synchronize(self.model)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        progress, job = self.progress, self.job
        job.synchronize(self.model)
        metrics = {key: float(value) for key, value in (logs or {}).items() if key != "learning_rate"}
        loss = metrics.get("loss", 0.0)
        if not math.isfinite(loss):
            raise diverged(loss, epoch, progress.phase, self.rate)
        seconds = time.monotonic() - self.began
        row = Row(epoch + 1, job.phases[progress.phase].phase, metrics, self.rate, seconds)
        progress.history = progress.history.with_row(row)
        progress.epochs_in_phase += 1
        progress.stopped = bool(self.model.stop_training)
        value = metrics.get(job.measure.name)
        if value is not None and job.measure.is_better(value, progress.best):
            progress.best, progress.best_epoch = value, epoch + 1
            checkpoints.save(
                self.model, os.path.join(job.folder, BEST), job.marks() | {"epoch": epoch + 1}, beside=job.beside
            )
            self.save_adapters(BEST_ADAPTERS)
        self.save()
        job.watcher.epoch(progress.history)

    def save(self) -> None:
        """Writes the history and the checkpoint."""
        progress, folder = self.progress, self.job.folder
        arrays = remember(progress, self.job.model, self.own, self.fresh)
        state = self.job.marks() | progress.to_json() | {"said": to_json(self.job.said), "place": self.job.place()}
        checkpoints.save(self.job.model, os.path.join(folder, LAST), state, arrays, self.job.beside)
        self.save_adapters(LAST_ADAPTERS)
        checkpoints.write_text(os.path.join(folder, HISTORY), progress.history.to_csv())

    def save_adapters(self, name: str) -> None:
        """Writes what LoRA has learned, if the model has any."""
        if self.job.adapters is not None:
            with checkpoints.replacing(os.path.join(self.job.folder, name)) as temporary, open(temporary, "wb") as file:
                file.write(self.job.adapters(self.job.model))


def _restore(job: Job, progress: Progress) -> None:
    """The checkpoint's weights, optimizer and random states in the compiled model."""
    model, path = job.model, os.path.join(job.resume_from or job.folder, LAST)
    # Keras skips the state of an optimizer that has no variables yet (`keras/src/optimizers/base_optimizer.py`)
    model.optimizer.build(model.trainable_variables)
    try:
        model.load_weights(admitted(path))
    except Exception as error:
        message = f"the checkpoint `{path}` does not fit the model"
        raise SpecError.single("SC608", message, notes=[f"Keras says: {keras_reason(error)}"]) from None
    restore_variables(model, progress)


def _learning_rate(model: Any) -> float | None:
    try:
        return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
    except (TypeError, ValueError, AttributeError):
        return None
