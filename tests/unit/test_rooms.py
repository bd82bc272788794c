"""The rooms of the package are those that CONTRIBUTING and the contract of imports list; what is put off says why."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "spec_compiler"
MODULES = sorted(PACKAGE.rglob("*.py"))


def contract() -> list[str]:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        contracts = tomllib.load(stream)["tool"]["importlinter"]["contracts"]
    return next(each["layers"] for each in contracts if each["type"] == "layers")


def test_the_pages_list_the_rooms_in_the_order_of_the_contract() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [name for name in contract() if name not in ("__main__", "collection")]


def test_few_modules_stand_at_the_root() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 7


@pytest.mark.parametrize("name", ["compiler", "trainer"])
def test_a_table_of_contents_names_what_is_there(name: str) -> None:
    """Each second word of the table, and each text between backquotes with a `/`, is a module or a room."""
    said = ast.get_docstring(ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))) or ""
    places = [*re.findall(r"  ([a-z_]+(?:/[a-z_]*)*)  ", said), *re.findall(r"`([a-z_]+(?:/[a-z_]*)+)`", said)]
    missing = [place for place in places if not (PACKAGE / place).is_dir() and not (PACKAGE / f"{place}.py").is_file()]
    assert places
    assert not missing


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=lambda path: path.parent.name)
def test_a_room_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def put_off(path: Path) -> Iterator[str]:
    """The imports of this package's own modules inside of functions that say no reason."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for function in ast.walk(ast.parse(text)):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        imports = [each for each in ast.walk(function) if isinstance(each, ast.ImportFrom)]
        ours = [each for each in imports if (each.module or "").startswith("spec_compiler")]
        said = ["#" in lines[each.lineno - 1] or lines[each.lineno - 2].lstrip().startswith("#") for each in ours]
        if ours and not any(said):
            yield f"{path.relative_to(ROOT)}:{ours[0].lineno} in `{function.name}`"


def test_an_import_that_is_put_off_says_why() -> None:
    unsaid = [place for path in MODULES for place in put_off(path)]
    assert not unsaid, "say in a comment what starts later for it, or import at the top:\n" + "\n".join(unsaid)
