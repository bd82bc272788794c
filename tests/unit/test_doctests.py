"""The examples in docstrings, of every module that needs no Keras."""

from __future__ import annotations

import sys

import pytest

from tests.doctests import EXAMPLE, FOLDERS, ROOT, check_examples, modules_with_examples


@pytest.mark.parametrize("name", modules_with_examples(backend=False))
def test_finding_N18_examples_in_docstrings_are_true(name: str) -> None:
    loaded = "keras" in sys.modules
    check_examples(name)
    assert ("keras" in sys.modules) == loaded, "the examples of this module started Keras"


def test_examples_stand_where_they_are_run() -> None:
    """The two runs share the modules of some folders; no other folder has any Python with examples."""
    other = [folder for folder in ROOT.iterdir() if folder.is_dir() and folder.name not in (*FOLDERS, "build", "out")]
    files = [*ROOT.glob("*.py"), *(file for each in other if each.name[0] != "." for file in each.rglob("*.py"))]
    assert [file for file in files if EXAMPLE.search(file.read_text(encoding="utf-8"))] == []


def test_every_module_of_the_package_with_examples_is_run() -> None:
    files = [file for file in (ROOT / "spec_compiler").rglob("*.py") if ">>>" in file.read_text(encoding="utf-8")]
    names = {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files}
    assert names <= {*modules_with_examples(backend=False), *modules_with_examples(backend=True)}
