"""The folder of a run: what is checked before, and the summary and curves that are written after."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from spec_compiler.backend import checkpoints
from spec_compiler.backend.curves import draw_curves
from spec_compiler.backend.data import LoadedData
from spec_compiler.compiled import CompiledSpec
from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.spec import Spec
from spec_compiler.training.history import History
from spec_compiler.training.run_folder import BEST, CURVES, LAST, SUMMARY, check_run_folder, files_of_a_run

PACKAGES = ("spec-compiler", "keras", "tensorflow", "jax", "torch", "numpy", "pillow", "h5py")


def ready(folder: str, *, resume: bool, force: bool) -> None:
    """Makes the folder of a run, or proves that it may be used.

    Raises:
        SpecError: SC608 where it holds a run that is neither to be continued nor to be replaced, or cannot be written.
    """
    check_run_folder(folder, resume=resume, force=force)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise checkpoints.unwritable(error, folder) from None
    if not os.access(folder, os.W_OK):
        raise SpecError.single("SC608", f"the folder `{folder}` cannot be written")
    checkpoints.sweep(folder)
    for path in files_of_a_run(folder) if force and not resume else ():
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def check_room(folder: str, graph: Graph) -> None:
    """Proves that the run's models fit on the disk: best, last and the one being written, with the optimizer's state.

    Raises:
        SpecError: SC608.
    """
    needed = 3 * 4 * 3 * graph.num_parameters
    free = shutil.disk_usage(folder).free
    if free < needed:
        message = f"the run needs about {_size(needed)} for its models, `{folder}` has {_size(free)} left"
        raise SpecError.single("SC608", message, help="make room, or name a folder on another disk")


def finish(
    folder: str,
    spec: Spec,
    compiled: CompiledSpec,
    data: LoadedData,
    history: History,
    ends: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Writes curves and summary, and returns the summary.

    Raises:
        SpecError: SC608.
    """
    drawn = draw_curves(history, [os.path.join(folder, name) for name in CURVES], title=compiled.plan.name)
    summary = _summary(folder, spec, compiled, data, history, ends) | {"curves": drawn}
    checkpoints.write_text(os.path.join(folder, SUMMARY), json.dumps(summary, indent=1) + "\n")
    return summary


def _summary(
    folder: str,
    spec: Spec,
    compiled: CompiledSpec,
    data: LoadedData,
    history: History,
    ends: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    best = history.best_epoch()
    files = {name: _checksum(os.path.join(folder, name)) for name in (BEST, LAST) if
             os.path.exists(os.path.join(folder, name))}  # fmt: skip
    return {
        "format_version": 1,
        "name": compiled.plan.name,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": {
            "python": platform.python_version(),
            "platform": platform.platform(),
            "backend": keras.backend.backend(),
            **{name: version for name in PACKAGES if (version := _version(name))},
        },
        "checksums": {
            "spec": hashlib.sha256(spec.source.text.encode()).hexdigest() if spec.source.text else None,
            "base": _base_checksum(compiled),
            **files,
        },
        "seed": spec.seed,
        "data": {
            "classes": list(data.class_names),
            "train": data.num_train,
            "validation": data.num_validation,
        },
        "parameters": compiled.plan.after.num_parameters,
        "weights": compiled.weights.summary,
        "phases": [{"phase": name, "first_epoch": first, "last_epoch": last} for name, first, last in history.phases()],
        "ends": [dict(each) for each in ends],
        "epochs": len(history),
        "seconds": round(sum(row.seconds for row in history), 3),
        "best": best and {"measure": history.measure, "epoch": best.epoch, **best.metrics},
        "last": history.rows[-1].metrics if history.rows else None,
    }


def _base_checksum(compiled: CompiledSpec) -> str | None:
    """One checksum over the bytes of every weight that was copied from the base."""
    rows = [row for row in compiled.weights.of("copied") if row.source_checksum]
    if not rows:
        return None
    return hashlib.sha256(
        "\n".join(f"{row.layer}/{row.variable} {row.source_checksum}" for row in rows).encode()
    ).hexdigest()


def _checksum(path: str) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
