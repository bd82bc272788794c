"""The phases of a run, each Keras's own `compile` and `fit`, with a checkpoint after every epoch.

What a checkpoint holds is enough to go on as if nothing had happened: weights, optimizer, the states of random layers
(which Keras leaves out of its weight files), what callbacks remember, and the history. Batches depend on seed and epoch
alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from spec_compiler.backend import checkpoints
from spec_compiler.backend.batches import Batches
from spec_compiler.backend.keras_objects import make
from spec_compiler.backend.shapes import keras_reason
from spec_compiler.diagnostics import SpecError
from spec_compiler.training.compilation import Compile
from spec_compiler.training.history import History, Row
from spec_compiler.training.phase import Phase

LAST, BEST, HISTORY, LOGS = "last.keras", "best.keras", "history.csv", "tensorboard"
FORMAT_VERSION = 1

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Job:
    """All that the phases need: the model, which layers train in each phase, the data, and where the results go.

    `trainable` holds, for each phase, the names that the model's layers have in Keras, `inference` whether all batch
    normalization stays in inference mode. `fingerprint` tells runs of another spec or other data apart. `data` and
    `validation` are what `fit` takes.
    """

    model: Any
    phases: tuple[Phase, ...]
    compile: Compile
    trainable: tuple[frozenset[str], ...]
    inference: tuple[bool, ...]
    data: Any
    validation: Any
    folder: str
    resume_from: str = ""
    seed: int = 0
    verbose: int = 1
    fingerprint: str = ""
    class_names: tuple[str, ...] = ()
    tensorboard: bool = True
    started: Callable[[Phase, int], None] = field(default=lambda phase, num_parameters: None)


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

    def to_json(self, job: Job) -> dict[str, Any]:
        """The state as a checkpoint holds it."""
        return {
            "format_version": FORMAT_VERSION,
            "fingerprint": job.fingerprint,
            "class_names": list(job.class_names),
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


def fit_phases(job: Job, progress: Progress | None = None) -> History:
    """Trains through all phases, from the beginning or from where a run stands, and returns the whole history.

    Raises:
        SpecError: SC601, SC605, SC608, SC609.
    """
    resumed = progress is not None
    progress = progress or Progress()
    keras.utils.set_random_seed(job.seed % 2**32)
    while progress.phase < len(job.phases):
        _fit_phase(job, progress, resumed)
        resumed = False
        progress.phase += 1
        progress.epochs_in_phase, progress.stopped = 0, False
        progress.callbacks, progress.arrays = [], {}
    return progress.history


def _fit_phase(job: Job, progress: Progress, resumed: bool) -> None:
    phase, model = job.phases[progress.phase], job.model
    set_trainable(model, job.trainable[progress.phase])
    if job.inference[progress.phase]:
        freeze_normalizations(model)
    _compile(job, phase, progress.phase)
    own = [_located(each, ("train", progress.phase, "callbacks", index), job.folder)
           for index, each in enumerate(phase.callbacks)]  # fmt: skip
    if resumed:
        _restore(job, progress)
    job.started(phase, sum(int(np.prod(each.shape)) for each in model.trainable_variables))
    keeper = _Keeper(job, progress, own)
    callbacks = [*_logs(job, progress.phase), *own, keeper]
    first = len(progress.history) - progress.epochs_in_phase
    if progress.stopped or progress.epochs_in_phase >= phase.epochs:  # killed between the last epoch and the end
        _restore_callbacks(own, progress, model)
        _end(own, model)
    else:
        if progress.epochs_in_phase:
            callbacks.append(_Reminder(own, progress, model))
            for each in own:
                if isinstance(each, keras.callbacks.CSVLogger):
                    each.append = True
        try:
            model.fit(
                job.data,
                validation_data=job.validation,
                epochs=first + phase.epochs,
                initial_epoch=len(progress.history),
                callbacks=callbacks,
                verbose=job.verbose,
                shuffle=False,  # the batches come shuffled
            )
        except (SpecError, KeyboardInterrupt):
            raise
        except OSError as error:
            raise checkpoints.unwritable(error, str(error.filename or job.folder)) from None
        except Exception as error:
            raise _broke(error, progress.phase) from error
    progress.stopped, progress.epochs_in_phase = True, phase.epochs
    keeper.save()  # with what callbacks did at the end: EarlyStopping goes back to the best weights


def set_trainable(model: Any, names: frozenset[str]) -> None:
    """Makes exactly the named layers trainable; BatchNormalization inside frozen nested models is frozen with them."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        wanted = layer.name in names
        if layer.trainable != wanted or (wanted and hasattr(layer, "layers")):
            layer.trainable = wanted


def freeze_normalizations(model: Any) -> None:
    """Keeps every BatchNormalization in inference mode, those in nested models included."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def _compile(job: Job, phase: Phase, index: int) -> None:
    optimizer = phase.optimizer or job.compile.optimizer
    path = ("train", index, "optimizer") if phase.optimizer is not None else ("compile", "optimizer")
    jit = "auto" if job.compile.jit_compile is None else job.compile.jit_compile
    job.model.compile(
        optimizer=_located(optimizer, path),
        loss=_located(job.compile.loss, ("compile", "loss")),
        metrics=[_located(each, ("compile", "metrics", at)) for at, each in enumerate(job.compile.metrics)],
        jit_compile=jit,
    )


def _located(entry: Any, path: tuple[str | int, ...], folder: str = "") -> Any:
    try:
        return make(entry, folder)
    except SpecError as error:
        raise error.under(*path) from None


def _logs(job: Job, phase: int) -> Iterable[Any]:
    if job.tensorboard:
        name = f"{phase + 1}-{job.phases[phase].phase}".replace(" ", "_")
        yield keras.callbacks.TensorBoard(os.path.join(job.folder, LOGS, name), write_graph=False)


class _Keeper(keras.callbacks.Callback):  # type: ignore[misc]
    """Last of the callbacks: writes history, best model and checkpoint after each epoch."""

    def __init__(self, job: Job, progress: Progress, own: Sequence[Any]) -> None:
        super().__init__()
        self.job, self.progress, self.own = job, progress, own
        self.began = 0.0
        self.rate: float | None = None

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if isinstance(self.job.data, Batches):
            self.job.data.epoch = epoch
        self.began, self.rate = time.monotonic(), _learning_rate(self.model)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        progress, job = self.progress, self.job
        metrics = {key: float(value) for key, value in (logs or {}).items() if key != "learning_rate"}
        seconds = time.monotonic() - self.began
        row = Row(epoch + 1, job.phases[progress.phase].phase, metrics, self.rate, seconds)
        progress.history = progress.history.with_row(row)
        progress.epochs_in_phase += 1
        progress.stopped = bool(self.model.stop_training)
        value = metrics.get("val_loss", metrics.get("loss"))
        if value is not None and value == value and (progress.best is None or value < progress.best):
            progress.best, progress.best_epoch = value, epoch + 1
            checkpoints.save(self.model, os.path.join(job.folder, BEST), {"class_names": list(job.class_names)})
        self.save()

    def save(self) -> None:
        """Writes the history and the checkpoint."""
        progress, folder = self.progress, self.job.folder
        progress.callbacks = [_memory(each) for each in self.own]
        arrays = {f"random/{path}": value for path, value in _random_states(self.job.model).items()}
        for index, each in enumerate(self.own):
            for position, weights in enumerate(getattr(each, "best_weights", None) or ()):
                arrays[f"callback/{index}/{position}"] = np.asarray(weights)
        checkpoints.save(self.job.model, os.path.join(folder, LAST), progress.to_json(self.job), arrays)
        checkpoints.write_text(os.path.join(folder, HISTORY), progress.history.to_csv())


class _Reminder(keras.callbacks.Callback):  # type: ignore[misc]
    """Gives callbacks back what they knew; they forget it in `on_train_begin`, so this one comes after them."""

    def __init__(self, own: Sequence[Any], progress: Progress, model: Any) -> None:
        super().__init__()
        self.own, self.progress = own, progress

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        _restore_callbacks(self.own, self.progress, self.model)


def _restore(job: Job, progress: Progress) -> None:
    """The checkpoint's weights, optimizer and random states in the compiled model."""
    model, path = job.model, os.path.join(job.resume_from or job.folder, LAST)
    model.optimizer.build(model.trainable_variables)
    try:
        model.load_weights(path)
    except Exception as error:
        message = f"the checkpoint `{path}` does not fit the model"
        raise SpecError.single("SC608", message, notes=[f"Keras says: {keras_reason(error)}"]) from None
    for variable in model.variables:
        value = progress.arrays.get(f"random/{_random_path(model, variable)}")
        if value is not None:
            variable.assign(value)


def _random_states(model: Any) -> dict[str, Array]:
    """What random layers draw from next, by position; Keras's weight files do not hold it."""
    return {
        _random_path(model, variable): np.asarray(keras.ops.convert_to_numpy(variable))
        for variable in model.variables
        if variable.name == "seed_generator_state"
    }


def _random_path(model: Any, variable: Any) -> str:
    return str(next(index for index, each in enumerate(model.variables) if each is variable))


def _memory(callback: Any) -> dict[str, Any]:
    """What a callback remembers between epochs: its plain numbers."""
    return {
        key: float(value) if isinstance(value, np.floating) else int(value) if isinstance(value, np.integer) else value
        for key, value in vars(callback).items()
        if value is None or isinstance(value, bool | int | float | np.number)
    }


def _restore_callbacks(own: Sequence[Any], progress: Progress, model: Any) -> None:
    for index, (callback, memory) in enumerate(zip(own, progress.callbacks, strict=False)):
        for key, value in memory.items():
            setattr(callback, key, value)
        weights = [progress.arrays[name] for name in _numbered(progress.arrays, f"callback/{index}/")]
        if weights:
            callback.best_weights = weights


def _numbered(arrays: Mapping[str, Array], prefix: str) -> list[str]:
    names = [name for name in arrays if name.startswith(prefix)]
    return sorted(names, key=lambda name: int(name.removeprefix(prefix)))


def _end(own: Sequence[Any], model: Any) -> None:
    """What Keras's `fit` would have done at its end."""
    for callback in own:
        if getattr(callback, "restore_best_weights", False) and getattr(callback, "best_weights", None) is not None:
            model.set_weights(callback.best_weights)


def _learning_rate(model: Any) -> float | None:
    try:
        return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
    except (TypeError, ValueError, AttributeError):
        return None


def _broke(error: Exception, phase: int) -> SpecError:
    text = f"{type(error).__name__}: {error}"
    path = ("train", phase)
    if "ResourceExhausted" in text or "OOM" in text or "out of memory" in text.lower():
        help = "write a smaller `data.batch_size`, or freeze more layers"
        return SpecError.single("SC609", "the device ran out of memory", path=path, help=help)
    if "No space left" in text:
        help = "make room and continue with `--resume`; the last complete checkpoint is kept"
        return SpecError.single("SC608", "no space left on the disk", path=path, help=help)
    notes = [f"Keras says: {keras_reason(error)}"]
    return SpecError.single("SC609", "training broke down", path=path, notes=notes)
