"""The folder of a sweep: what it holds, and whether a sweep may begin or go on there."""

from __future__ import annotations

import os
import shutil

from spec_compiler.diagnostics import SpecError
from spec_compiler.files.run_folder import BEST, CLAIM
from spec_compiler.files.whole import PREFIX, sweep
from spec_compiler.files.writable import check_writable
from spec_compiler.search.storage import DATABASE

TRIALS, TABLE, BEST_SPEC, LOGS = "trials", "trials.csv", "best.yaml", "logs"
PICTURES = ("sweep.png", "sweep.svg")
_OF_THE_DATABASE = tuple(f"{DATABASE}{end}" for end in ("", "-journal", "-wal", "-shm"))


def trial_folder(folder: str, number: int) -> str:
    """The folder of a trial's run."""
    return os.path.join(folder, TRIALS, f"{number:03}")


def files_of_a_sweep(folder: str) -> list[str]:
    """What there is in a folder that a sweep wrote."""
    names = (*_OF_THE_DATABASE, TRIALS, TABLE, BEST_SPEC, BEST, LOGS, *PICTURES)
    return [path for path in (os.path.join(folder, name) for name in names) if os.path.lexists(path)]


def check_sweep_folder(folder: str, *, goes_on: bool, force: bool) -> None:
    """Proves that a folder holds no sweep, or one that is to go on or to be replaced, and no run of `train`.

    Raises:
        SpecError: SC608.
    """
    check_writable(folder, "the sweep", "SC608")
    if os.path.exists(os.path.join(folder, "last.keras")):
        message = f"`{folder}` holds a run of `train`, a sweep needs a folder of its own"
        raise SpecError.single("SC608", message, help="name another folder")
    linked = [path for path in (os.path.join(folder, name) for name in (TRIALS, LOGS)) if os.path.islink(path)]
    if linked:
        message = f"`{linked[0]}` is a link, what a sweep writes stands in its folder"
        raise SpecError.single("SC608", message, help="remove the link, or name another folder")
    if force and any(each.startswith(PREFIX) for name in _trials(folder) for each in sweep(name)):
        help = "wait for its end, or name another folder"
        raise SpecError.single("SC608", f"another process is training in `{folder}`", help=help)
    if not goes_on and not force and files_of_a_sweep(folder):
        help = "add `--resume` to go on with it, `--force` to begin anew, or name another folder"
        raise SpecError.single("SC608", f"`{folder}` already holds a sweep", help=help)


def _trials(folder: str) -> list[str]:
    place = os.path.join(folder, TRIALS)
    return [os.path.join(place, name) for name in os.listdir(place)] if os.path.isdir(place) else []


def clear(folder: str) -> None:
    """Takes the sweep away that is in a folder; only what a sweep writes."""
    for path in files_of_a_sweep(folder):
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)


def take_over(before: str, folder: str) -> None:
    """Moves what a trial's run wrote into the folder of the one that is tried in its place, which then goes on.

    Nothing is moved of a run that a process still has, or of one on another machine: it is trained from the start.
    """
    if not before or not os.path.isdir(before) or any(each.startswith(CLAIM) for each in sweep(before)):
        return
    for name in os.listdir(before):
        if not name.startswith(PREFIX):
            os.replace(os.path.join(before, name), os.path.join(folder, name))
    if not os.listdir(before):
        os.rmdir(before)
