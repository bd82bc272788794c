"""The Containerfile: linted, and what it runs is run here, as there need be no tool for containers."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.environments import ROOT, called, tool

FILE = ROOT / "Containerfile"


def context(folder: Path) -> Path:
    """What the build sees: the files that `.containerignore` lets through."""
    lines = (ROOT / ".containerignore").read_text().splitlines()
    for name in (line[1:] for line in lines if line.startswith("!")):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def test_both_kinds_of_tools_ignore_the_same() -> None:
    assert (ROOT / ".dockerignore").read_text() == (ROOT / ".containerignore").read_text()


def test_it_does_not_run_as_root() -> None:
    lines = FILE.read_text().splitlines()
    (user,) = (line for line in lines if line.startswith("USER "))
    assert f"useradd --create-home --uid {user.split()[1]} spec" in FILE.read_text()
    assert lines.index(user) > max(
        number for number, line in enumerate(lines) if line.startswith(("FROM", "COPY", "RUN"))
    )


@pytest.mark.slow
def test_it_is_linted() -> None:
    done = called(tool("hadolint"), FILE, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
def test_what_it_runs_works(tmp_path: Path) -> None:
    source, place = context(tmp_path / "source"), tmp_path / "opt"
    first, second = FILE.read_text().rsplit("\nFROM ", 1)
    (entry,) = re.findall(r'^ENTRYPOINT \["(.+)"\]$', second, re.M)
    (line,) = re.findall(r"^RUN ((?:.*\\\n)*.*)$", first, re.M)
    command = re.sub(r"^python ", f"{sys.executable} ", line.replace("/opt/spec-compiler", str(place)))
    done = called("sh", "-c", command, cwd=source, EXTRAS="")
    assert done.returncode == 0, done.stderr
    spec = tmp_path / "spec.yaml"
    spec.write_text("spec: 1\nbase: {application: VGG16}\ncut_at: block3_pool\n")
    done = called(place / "bin" / entry, "check", "--static", spec.name, cwd=tmp_path)
    assert done.stdout.startswith("1 spec checked"), done.stderr
    kept = subprocess.run(["git", "status", "--porcelain", "spec_compiler"], cwd=ROOT, capture_output=True, check=True)
    assert b"egg-info" not in kept.stdout
