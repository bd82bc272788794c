"""The folder of a run: what is checked before, and the summary and curves that are written after."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from spec_compiler.backend.training import checkpoints
from spec_compiler.backend.training.curves import draw_curves
from spec_compiler.backend.training.loaded import LoadedData
from spec_compiler.backend.training.progress import Progress
from spec_compiler.diagnostics import SpecError
from spec_compiler.files.run_folder import (
    BEST,
    BEST_ADAPTERS,
    CLAIM,
    CURVES,
    LAST,
    LAST_ADAPTERS,
    SUMMARY,
    check_run_folder,
    files_of_a_run,
)
from spec_compiler.files.whole import alone, sweep, workspace
from spec_compiler.graph import Graph
from spec_compiler.reading import Damaged
from spec_compiler.reading.text import read_json
from spec_compiler.result import CompiledSpec
from spec_compiler.spec import Spec
from spec_compiler.training.history import History

PACKAGES = ("spec-compiler", "keras", "tensorflow", "jax", "torch", "numpy", "pillow", "h5py")


@contextlib.contextmanager
def claimed(folder: str, *, resume: bool, force: bool) -> Iterator[None]:
    """The folder of a run, made where there is none, as this process's own: no other trains there meanwhile.

    Raises:
        SpecError: SC608 where it holds a run that is neither to be continued nor to be replaced, another process trains
            there, or it cannot be written.
    """
    with contextlib.ExitStack() as stack:
        if not os.path.isdir(folder):
            stack.callback(_rmdir, folder)  # an empty one is of no use
        try:
            os.makedirs(folder, exist_ok=True)
            for below, _, _ in os.walk(folder):  # logs, and what callbacks write
                sweep(below)
            with alone((folder,)):
                check_run_folder(folder, resume=resume, force=force)
                stack.enter_context(workspace(folder, CLAIM))
        except OSError as error:
            raise checkpoints.unwritable(error, folder) from None
        yield


def _rmdir(folder: str) -> None:
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def clear(folder: str) -> None:
    """Takes the run away that is in a folder; only what a run writes."""
    for path in files_of_a_run(folder):
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)


def check_room(folder: str, graph: Graph, *, cleared: bool = False) -> None:
    """Proves that the run's models fit on the disk: best, last and the one being written, with the optimizer's state.

    `cleared` says that the models of the run that is there go before.

    Raises:
        SpecError: SC608.
    """
    needed = 3 * 4 * 3 * graph.num_parameters  # models; bytes of a float32; the weights and Adam's two slots
    free = shutil.disk_usage(folder).free
    if cleared:
        free += sum(os.path.getsize(path) for path in files_of_a_run(folder) if path.endswith(".keras"))
    if free < needed:
        message = f"the run needs about {_size(needed)} for its models, `{folder}` has {_size(free)} left"
        raise SpecError.single("SC608", message, help="make room, or name a folder on another disk")


def mend_best(folder: str, progress: Progress) -> bool:
    """Proves that the best model of a run that goes on is whole; whether it had to be made again from the last one.

    Raises:
        SpecError: SC608 where it is damaged and the last one is of another epoch.
    """
    path, done = os.path.join(folder, BEST), len(progress.history)
    if progress.best_epoch is None:
        return False
    if os.path.exists(path):
        checkpoint = checkpoints.read_state(path)
        if checkpoint is not None and (checkpoint[0].get("epoch", 0) > done or _is_as_summarized(folder, done)):
            return False  # of the epoch that a kill cut off, or of one that the run counts
    back = [each for each in progress.ends if each["back_to"] and each["phase"] == progress.history.rows[-1].phase]
    if progress.best_epoch == done and not back:
        state = {name: progress.marks[name] for name in ("class_names", "images")} | {"epoch": done}
        checkpoints.copy_model(os.path.join(folder, LAST), path, state)
        adapters = os.path.join(folder, LAST_ADAPTERS)
        if os.path.exists(adapters):
            with checkpoints.replacing(os.path.join(folder, BEST_ADAPTERS)) as temporary:
                shutil.copyfile(adapters, temporary)
        return True
    if os.path.exists(path):
        message = f"`{path}` is damaged: it is not as the run wrote it"
        help = "put a whole copy there, or remove it to go on without it"
        raise SpecError.single("SC608", message, help=help)
    return False


def _is_as_summarized(folder: str, num_epochs: int) -> bool:
    """Whether the best model has the checksum in the summary, if that is of the run as it stands."""
    try:
        summary = read_json(os.path.join(folder, SUMMARY))
        if summary["epochs"] != num_epochs or BEST not in summary["checksums"]:
            return True
        return bool(summary["checksums"][BEST] == _checksum(os.path.join(folder, BEST)))
    except (Damaged, OSError, KeyError, TypeError):
        return True


def finish(
    folder: str,
    spec: Spec,
    compiled: CompiledSpec,
    data: LoadedData,
    history: History,
    progress: Progress,
) -> dict[str, Any]:
    """Writes curves and summary, and returns the summary.

    Raises:
        SpecError: SC608.
    """
    best = history.best_epoch()
    summary = {
        "format_version": 1,
        "name": compiled.plan.name,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": _versions(),
        "checksums": _checksums(folder, spec, compiled),
        "seed": spec.seed,
        "data": {
            "classes": list(data.class_names),
            "train": data.num_train,
            "validation": data.num_validation,
            "test": data.num_test,
        },
        "parameters": compiled.plan.after.num_parameters,
        "weights": compiled.weights.summary,
        "phases": [{"phase": name, "first_epoch": first, "last_epoch": last} for name, first, last in history.phases()],
        "ends": [dict(each) for each in progress.ends],
        "frozen": progress.frozen,
        "epochs": len(history),
        "seconds": round(sum(row.seconds for row in history), 3),
        "best": best and {"measure": history.measure, "epoch": best.epoch, **best.metrics},
        "last": history.rows[-1].metrics if history.rows else None,
        "curves": draw_curves(history, [os.path.join(folder, name) for name in CURVES], title=compiled.plan.name),
    }
    checkpoints.write_text(os.path.join(folder, SUMMARY), json.dumps(summary, indent=1) + "\n")
    return summary


def note_evaluation(folder: str, summary: dict[str, Any], part: str, evaluation: Mapping[str, Any]) -> None:
    """Adds to the summary what the kept model says of a part of the data, here and in the file.

    Raises:
        SpecError: SC608.
    """
    figures = {each["output"]: {name: each[name] for name in _SUMMED if name in each} for each in evaluation["outputs"]}
    said = {"part": part, "samples": evaluation["samples"], "metrics": evaluation["metrics"], "outputs": figures}
    summary["evaluation"] = said
    checkpoints.write_text(os.path.join(folder, SUMMARY), json.dumps(summary, indent=1) + "\n")


_SUMMED = ("accuracy", "balanced_accuracy", "exact_match", "label_accuracy", "mean_iou", "roc_auc", "mae", "rmse", "r2")


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "platform": platform.platform()}
    versions["backend"] = keras.backend.backend()
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions


def _checksums(folder: str, spec: Spec, compiled: CompiledSpec) -> dict[str, str | None]:
    """Those of the spec, of the bytes of every weight that is the base's or made of them, and of the models."""
    copied = [(row, row.source_checksum) for row in compiled.weights.of("copied") if row.source_checksum]
    made = [(row, row.result_checksum) for row in compiled.weights.of("adapted") if row.source]
    weights = "\n".join(f"{row.layer}/{row.variable} {checksum}" for row, checksum in (*copied, *made))
    texts = {"spec": spec.source.text, "base": weights}
    files = {name: os.path.join(folder, name) for name in (BEST, LAST)}
    return {
        **{name: hashlib.sha256(text.encode()).hexdigest() if text else None for name, text in texts.items()},
        **{name: _checksum(path) for name, path in files.items() if os.path.exists(path)},
    }


def _checksum(path: str) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
