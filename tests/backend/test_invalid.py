"""Broken specs as data: each file in `fixtures/invalid` gives the diagnostics in its `.expect.txt`, code, place, text.

The file's name begins with the code that it must give. What the command line would be told stands in its first line, as
in `# --allow-code`. `--update-golden` writes the texts anew; read the diff.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spec_compiler import Diagnostic, check_spec
from spec_compiler.diagnostics import RULES, render

FOLDER = Path(__file__).parents[1] / "fixtures" / "invalid"
FILES = sorted(FOLDER.glob("SC*.yaml"))
NOT_IN_A_SPEC = {"SC503", "SC504", "SC508", "SC602", "SC603", "SC604", "SC606", "SC607", "SC608", "SC609"}


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
    assert code == "SC109" or all(each.line is not None and each.column is not None for each in found)
    assert all(each.code in RULES for each in found)
    golden(path.with_suffix(".expect.txt"), "\n\n".join(render(each) for each in found) + "\n")


def test_every_text_belongs_to_a_spec() -> None:
    texts = {path.name.removesuffix(".expect.txt") for path in FOLDER.glob("*.expect.txt")}
    assert texts == {path.stem for path in FILES}


def test_every_rule_has_a_spec() -> None:
    codes = {path.name.split("-")[0] for path in FILES}
    assert len(FILES) >= 120
    assert RULES.keys() - codes <= NOT_IN_A_SPEC
