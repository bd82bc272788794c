"""Broken specs as data: each file in `fixtures/invalid` gives the diagnostics in its `.expect.txt`, code, place, text.

The file's name begins with the code that it must give. What `check` would be told stands in its first line, as in
`# --allow-code`. What other commands find is in the folder `runs`: there the first lines are a session, as in
`# $ spec-compiler train SPEC -o run`. `--update-golden` writes the texts anew; read the diff.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spec_compiler import Diagnostic, check_spec
from spec_compiler.diagnostics import RULES, render
from tests.backend import sessions

FOLDER = Path(__file__).parents[1] / "fixtures" / "invalid"
FILES = sorted(FOLDER.glob("SC*.yaml"))
RUNS = sorted((FOLDER / "runs").glob("SC*.yaml"))


def options(path: Path) -> dict[str, Any]:
    """What `check_spec` is told about a fixture."""
    first = path.read_bytes().split(b"\n", 1)[0].decode("latin-1")
    return {
        "allow_code": "--allow-code" in first,
        "restrict_paths": "--restrict-paths" in first,
        "overrides": re.findall(r"--set (\S+)", first),
    }


def checked(path: Path) -> tuple[Diagnostic, ...]:
    return check_spec(os.fspath(path.name), **options(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_broken_spec(path: Path, golden: Callable[[Path, str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    found = checked(path)
    code = path.name.split("-")[0]
    assert code in {each.code for each in found}
    assert code == "SC109" or all(each.override or (each.line and each.column) for each in found)
    assert all(each.code in RULES for each in found)
    golden(path.with_suffix(".expect.txt"), "\n\n".join(render(each) for each in found) + "\n")


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_a_broken_run(path: Path, golden: Callable[[Path, str], None], session_folder: Path, tmp_path: Path) -> None:
    folder = sessions.copied(session_folder, tmp_path)
    for file in (path, *path.parent.glob("*.py")):
        shutil.copy(file, folder)
    session = sessions.commands(path.read_text(encoding="utf-8"))
    with sessions.offline(folder):
        said = sessions.run(session, folder)
    assert path.name.split("-")[0] in said.codes
    assert said.status in ((0,) if RULES[path.name.split("-")[0]].severity == "warning" else (1, 2))
    for each in said.diagnostics:  # a mistake of the call has no place in the spec, nor has one that needs no spec
        assert said.status == 2 or path.name not in session[-1] or f"--> {path.name}:" in each or "--> --set" in each
    text = "\n\n".join(said.diagnostics) + "\n"
    archives = (
        (r"[\d,]+ bytes, sha256 [0-9a-f]{64}", "SIZE, sha256 CHECKSUM"),
        (r"Keras is [\d.]+", "Keras is VERSION"),
        (r"In Node, \(.*", "In Node, …"),  # which Keras numbers through a whole process
    )
    machine = (*archives, (r"127\.0\.0\.1:\d{2,}", "127.0.0.1:PORT"), (r"[\d.]+ [A-Z]?B are left", "SIZE are left"))
    for found, shown in ((str(folder), "/project"), *machine):
        text = re.sub(found, shown, text)
    golden(path.with_suffix(".expect.txt"), text)
