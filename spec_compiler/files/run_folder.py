"""The folder of a run: what it holds, and whether a run may write there, both known before Keras is loaded."""

from __future__ import annotations

import os

from spec_compiler.diagnostics import SpecError
from spec_compiler.files.whole import PREFIX, sweep
from spec_compiler.files.writable import check_writable

LAST, BEST, HISTORY, LOGS, SUMMARY = "last.keras", "best.keras", "history.csv", "tensorboard", "summary.json"
EVALUATION = "evaluation"  # a folder, with what `evaluate` writes
LAST_ADAPTERS, BEST_ADAPTERS = "last.adapters.npz", "best.adapters.npz"  # of a model with LoRA
CURVES = ("curves.png", "curves.svg")
CLAIM = f"{PREFIX}run-"  # begins the name of a folder that says, while a process holds its lock, that it trains there


def files_of_a_run(folder: str) -> list[str]:
    """What there is in a folder that a run wrote."""
    names = (LAST, BEST, LAST_ADAPTERS, BEST_ADAPTERS, HISTORY, SUMMARY, LOGS, EVALUATION, *CURVES)
    return [path for path in (os.path.join(folder, name) for name in names) if os.path.exists(path)]


def check_run_folder(folder: str, *, resume: bool, force: bool) -> None:
    """Proves that a folder holds no run, or one that is to be continued or replaced, and that no process trains there.

    What dead processes left half done there is taken away.

    Raises:
        SpecError: SC608.
    """
    check_writable(folder, "the run", "SC608")
    if any(name.startswith(CLAIM) for name in sweep(folder)):
        help = "wait for its end, or name another folder"
        raise SpecError.single("SC608", f"another process is training in `{folder}`", help=help)
    logs = os.path.join(folder, LOGS)
    if os.path.islink(logs):  # the other files take the place of a link, but logs would be written where it leads
        message = f"`{logs}` is a link, what a run writes stands in its folder"
        raise SpecError.single("SC608", message, help="remove the link, or name another folder")
    if not resume and not force and files_of_a_run(folder):
        help = "add `--resume` to continue it, `--force` to begin anew, or name another folder"
        raise SpecError.single("SC608", f"`{folder}` already holds a run", help=help)
