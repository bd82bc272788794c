"""Commands that want the same files at the same time."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from tests.drills.checks import Failed, check_clean, check_pair, check_whole
from tests.drills.commands import command

LINES = {
    "build": "build spec.yaml -o race/out.keras --set head[0].Dense.name=n{}",
    "diagram": "diagram spec.yaml -o race/out.svg",
    "plan": "plan spec.yaml -o race/out.txt",
    "init": "init MobileNetV2 -o race/out.yaml",
    "features": "features model.keras pictures -o race/out.npz",
    "train": "train spec.yaml -q -o race/run",
}


def one_wins(folder: Path, number: int, names: Sequence[str] = tuple(LINES)) -> str:
    """So many of each command at once, without `--force`: one writes, the others are told."""
    for name in names:
        running = [command(folder, LINES[name].format(at).split(), _started_together) for at in range(number)]
        for each in running:
            os.waitid(os.P_PID, each.pid, os.WSTOPPED)
        for each in running:
            os.kill(each.pid, signal.SIGCONT)
        ends = [each.wait() for each in running]
        if sorted(ends) != [0] + [2] * (number - 1):
            raise Failed(f"{number} times `{LINES[name]}` ended with {ends}:\n{running[0].errors}")
        for each, status in zip(running, ends, strict=True):
            told = ("already exists", "already holds a run", "another process is")
            if status and not any(text in each.errors for text in told):
                raise Failed(f"`{LINES[name]}` was told:\n{each.errors}")
        check_pair(folder / "race" / "out.keras", folder / "race" / "out.ledger.json")
        check_whole(folder)
        check_clean(folder)
    return f"{number} at once of each of {', '.join(names)}: one writes, {number - 1} are told"


def _started_together() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)
