"""The drills of `make drills`, short, in a process of their own: they fork, which TensorFlow's threads bar."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def drilled(*words: str) -> str:
    """What the drills say, which all hold."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.drills", *words],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return done.stdout


def test_finding_S12_of_several_builds_at_once_one_wins() -> None:
    assert "one writes, 5 are told" in drilled("--only", "together", "--writers", "6", "--commands", "build", "diagram")


@pytest.mark.slow
def test_finding_S12_of_several_commands_at_once_one_wins() -> None:
    said = drilled("--only", "together", "--writers", "4", "--commands", "plan", "init", "features", "train")
    assert "one writes, 3 are told" in said


@pytest.mark.slow
def test_finding_S20_places_that_cannot_be_written() -> None:
    assert "commands where files may not grow" in drilled("--only", "places")


def test_finding_S19_commands_that_are_killed() -> None:
    """A build, a lock, a diagram, a run of `train`, a table and a plan that is applied, the same moments each time."""
    assert "6 drills of kills" in drilled("--only", "kills", "--kills", "6", "--seed", "3")


@pytest.mark.slow
def test_a_hundred_exports_that_are_killed() -> None:
    """Files, and the folder of a SavedModel: whole with their cards, or as they were; nothing is left over."""
    said = drilled("--only", "kills", "--kills", "100", "--seed", "5", "--commands", "export")
    assert "100 drills of kills" in said
