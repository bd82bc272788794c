"""Environments of their own for programs that are not this project's, made with pip where they can be had."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def made(folder: Path, *packages: str, sees_ours: bool = False) -> Path:
    """The folder of programs of a new environment with packages; with `sees_ours` it also finds what is installed here.

    Where pip cannot reach them, the test is skipped.
    """
    venv.create(folder, with_pip=True)
    if sees_ours:
        (place,) = folder.glob("lib/python*/site-packages")
        (place / "ours.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n{ROOT}\n")
    programs = folder / "bin"
    words = [str(programs / "python"), "-m", "pip", "-q", "--disable-pip-version-check", "install", *packages]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        if os.environ.get("CI") and "No matching distribution" not in done.stderr:
            pytest.fail(done.stderr)
        pytest.skip(f"{', '.join(packages)} cannot be installed here")
    return programs


def tool(name: str) -> Path:
    """A program that `make tools` installs."""
    found = ROOT / ".venv-tools" / "bin" / name
    if not found.exists():
        pytest.skip(f"no `{name}` here: `make tools` installs it")
    return found


def called(*words: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a program as a user's shell would, with nothing of this process's Python; whatever it ends with."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV", "GIT_"))}
    return subprocess.run(
        [*map(str, words)], cwd=cwd, env={**kept, **variables}, capture_output=True, text=True, check=False
    )
