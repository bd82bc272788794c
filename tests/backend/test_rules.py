"""Every rule's wrong example gives its code, and its right one gives nothing, run as the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec_compiler.diagnostics import RULES
from spec_compiler.diagnostics.rules.pages import Example, explanation
from tests.backend import sessions


def said_of(example: Example, session_folder: Path, folder: Path) -> sessions.Said:
    """What the example's last command says, in a folder that holds the example's files."""
    sessions.copied(session_folder, folder)
    for name, text in example.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    with sessions.offline(folder):
        return sessions.run(example.commands, folder)


@pytest.mark.parametrize("code", sorted(RULES))
def test_the_examples_are_true(code: str, session_folder: Path, tmp_path: Path) -> None:
    explained = explanation(code)
    wrong = said_of(explained.wrong, session_folder, tmp_path / "wrong")
    assert code in wrong.codes
    assert (wrong.status == 0) is (RULES[code].severity == "warning")
    right = said_of(explained.right, session_folder, tmp_path / "right")
    assert (right.status, right.diagnostics) == (0, ())
