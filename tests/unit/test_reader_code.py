"""What was kept by other code of ours is not believed (finding S15)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import spec_compiler
from spec_compiler import load_spec
from spec_compiler.files import HERE
from spec_compiler.language.base import Base
from spec_compiler.memory import reader_code
from spec_compiler.memory.bases import base_key, joined_key, keep_graph, recall_graph, result_key
from tests.unit.graphs import chain

PACKAGE = Path(spec_compiler.__file__).parent
ROOTS = ("backend/bases.py",)
# They read weights, say what happens to them, or compare: no graph is made by them.
OTHERS = "backend/weights"


def imported(file: Path) -> set[Path]:
    """The modules of `backend` that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spec_compiler.backend"):
            names = [node.module or "", *(f"{node.module}.{each.name}" for each in node.names)]
            found |= {PACKAGE.parent / f"{name.replace('.', '/')}.py" for name in names}
    return {each for each in found if each.exists()}


def test_the_list_names_all_that_makes_graphs() -> None:
    listed = {PACKAGE / name for name in reader_code.modules()}
    assert all(each.exists() for each in listed)
    seen: set[Path] = set()
    todo = {PACKAGE / name for name in ROOTS}
    while todo:
        file = todo.pop()
        if file not in seen and not file.relative_to(PACKAGE).as_posix().startswith(OTHERS):
            seen.add(file)
            todo |= imported(file)
    assert len(seen) > 10
    assert not seen - listed


def test_finding_S15_what_older_code_kept_is_another_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(tmp_path / "cache"))
    base = load_spec({"spec": 1, "base": {"application": "VGG16", "weights": None}}).base
    assert isinstance(base, Base)

    def keys() -> list[object]:
        key = base_key(base, HERE)
        return [key, joined_key({"a": key, "b": key}), result_key(chain("in", "a"))]

    before = keys()
    keep_graph(before[0], chain("in", "a"))  # type: ignore[arg-type]
    assert recall_graph(base_key(base, HERE)) is not None
    monkeypatch.setattr(reader_code, "MODULES", ())  # as if one of them said something else
    reader_code.code_checksum.cache_clear()
    try:
        assert recall_graph(base_key(base, HERE)) is None
        assert not [each for each in keys() if each in before]
    finally:
        monkeypatch.undo()
        reader_code.code_checksum.cache_clear()


def test_without_its_source_the_version_stands_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_code, "ROOMS", ("backend/nothing",))
    reader_code.code_checksum.cache_clear()
    try:
        assert reader_code.code_checksum() == reader_code._version()
    finally:
        monkeypatch.undo()
        reader_code.code_checksum.cache_clear()
