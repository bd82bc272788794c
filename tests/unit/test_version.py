"""The version stands once, in `pyproject.toml`; the changelog begins with it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from click.testing import CliRunner

import spec_compiler
from spec_compiler.cli.main import cli

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_no_other_file_says_the_version() -> None:
    version = re.escape(PROJECT["version"])
    said = re.compile(rf"""(?:^|\s|__)version(?:__)?["']?\s*[:=]\s*["']?{version}["']?\s*$""", re.M | re.I)
    files = [*ROOT.glob("*.*"), *(ROOT / "spec_compiler").rglob("*.py"), *(ROOT / "documentation").rglob("*.py")]
    found = [path.name for path in files if path.is_file() and said.search(path.read_text(encoding="utf-8"))]
    assert found == ["pyproject.toml"]


def test_the_package_and_the_program_say_it() -> None:
    assert spec_compiler.__version__ == PROJECT["version"]
    done = CliRunner().invoke(cli, ["--version"])
    assert done.output.split()[-1] == PROJECT["version"]


def test_the_changelog_begins_with_it() -> None:
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert first is not None
    assert first[1] == PROJECT["version"]
