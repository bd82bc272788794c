"""Broken specs as data: each file in `fixtures/invalid` gives the errors in its `.expect.txt`, code, place and text.

The file's name begins with the code that it must give. `--update-golden` writes the texts anew; read the diff.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from spec_compiler import check_spec
from spec_compiler.diagnostics import RULES, render

FOLDER = Path(__file__).parents[1] / "fixtures" / "invalid"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_broken_spec(path: Path, golden: Callable[[Path, str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    found = check_spec(os.fspath(path.name))
    assert path.name.split("-")[0] in {each.code for each in found}
    assert all(each.line is not None and each.column is not None for each in found)
    assert all(each.code in RULES for each in found)
    golden(path.with_suffix(".expect.txt"), "\n\n".join(render(each) for each in found) + "\n")


def test_every_text_belongs_to_a_spec() -> None:
    texts = {path.name.removesuffix(".expect.txt") for path in FOLDER.glob("*.expect.txt")}
    assert texts == {path.stem for path in FOLDER.glob("*.yaml")}
