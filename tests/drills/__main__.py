"""Runs the drills: `python -m tests.drills --kills 200`."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.drills.checks import Failed
from tests.drills.commands import forked, warm_up
from tests.drills.kills import Kills
from tests.drills.places import full_disks, limits, read_only
from tests.drills.together import one_wins

SPEC = """\
spec: 1
name: drilled
base: {file: model.keras}
cut_at: pool
head: [{Dense: {units: 512, name: wide}}, {Dense: {units: 512}}, Dropout: 0.2, {Dense: {units: 2, activation: softmax}}]
data: {train: pictures, validation: 0.25, batch_size: 2}
compile: {optimizer: {Adam: {learning_rate: 0.00003}}, loss: categorical_crossentropy, metrics: [accuracy]}
train:
  - {phase: one, freeze: base, epochs: 2}
  - {phase: two, epochs: 2, callbacks: [{EarlyStopping: {patience: 5, restore_best_weights: true}}]}
"""
PLAIN = SPEC[: SPEC.index("data:")]  # of what nothing needs Keras once the shapes are known
DRILLS = ("together", "places", "kills")


def main() -> int:
    """The exit status: 0 where everything holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many (default: 200)")
    parser.add_argument("--writers", type=int, default=20, help="how many want the same file (default: 20)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", metavar="FOLDER", help="copy everything there where something fails")
    parser.add_argument("--only", choices=DRILLS, nargs="+", default=DRILLS)
    parser.add_argument("--commands", nargs="+", help="those that are run together or killed (default: all)")
    given = parser.parse_args()
    warm_up()
    with tempfile.TemporaryDirectory(prefix="drills-", ignore_cleanup_errors=True) as outer:
        os.environ["SPEC_COMPILER_CACHE"] = str(Path(outer) / "cache")
        try:
            return _run(Path(outer) / "project", given)
        except Failed as error:
            print(f"FAILED (seed {given.seed}): {error}", flush=True)
            if given.keep:
                shutil.copytree(outer, given.keep, dirs_exist_ok=True)
            return 1


def _run(folder: Path, given: argparse.Namespace) -> int:
    folder.mkdir()
    if forked(lambda: _write_project(folder), folder).wait() != 0:
        raise Failed("no project could be made")
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)

    if "together" in given.only:
        say(one_wins(folder, given.writers, **({"names": given.commands} if given.commands else {})))
    if "places" in given.only:
        for place in (read_only, full_disks, limits):
            say(place(folder))
    if "kills" in given.only and given.kills:
        kills = Kills(folder, random.Random(given.seed))
        kills.drill(given.kills, say, **({"names": given.commands} if given.commands else {}))
        say(f"{given.kills} drills of kills (seed {given.seed}): {kills.told}")
    return 0


def _write_project(folder: Path) -> None:
    from tests.backend.sessions import write_project

    write_project(folder)
    (folder / "spec.yaml").write_text(SPEC)
    (folder / "plain.yaml").write_text(PLAIN)


if __name__ == "__main__":
    sys.exit(main())
