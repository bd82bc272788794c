"""A new edit is a file and its line in `SECTIONS`: what follows of itself does, what does not is named here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import spec_compiler.edits
from spec_compiler.edits import EDITS, SECTIONS, Edit
from spec_compiler.spec import Spec
from spec_compiler.spec.schema import schema_file

ROOT = Path(__file__).parents[2]
NOT_DRAWN = ("input",)  # most models take one size only
OTHERS = {
    "spec",
    "name",
    "description",
    "imports",
    "seed",
    "base",
    "bases",
    "steps",
    "data",
    "compile",
    "fit",
    "train",
    "sweep",
    "expect",
}


def test_a_spec_has_a_field_for_each_in_this_order() -> None:
    assert [name for name in Spec.model_fields if name not in OTHERS] == list(EDITS)


def test_every_edit_in_the_folder_is_in_the_list() -> None:
    """Of those that have a key: the others are steps of one that has."""
    sections = {each for each in subclasses(Edit) if "key" in vars(each)}
    forgotten = [f"{each.__module__}.{each.__name__}" for each in sections - set(SECTIONS)]
    assert not forgotten, f"add to `SECTIONS` in {spec_compiler.edits.__file__}: {', '.join(forgotten)}"


def test_the_readme_says_what_each_is_for() -> None:
    table = (
        (ROOT / "docs" / "guide.md")
        .read_text(encoding="utf-8")
        .partition("| section | what it does |")[2]
        .partition("\n\n")[0]
    )
    named = re.findall(r"^\| `(\w+)`", table, re.MULTILINE)
    missing = [key for key in EDITS if key not in named]
    assert not missing, f"the table of sections in docs/guide.md needs a row for {', '.join(missing)}"
    assert [key for key in named if key in EDITS] == list(EDITS), "its rows stand in another order"


def test_the_committed_schema_knows_each() -> None:
    properties = json.loads(schema_file().read_text(encoding="utf-8"))["properties"]
    missing = [key for key in EDITS if key not in properties]
    assert not missing, f"`make schemas` writes the schema with {', '.join(missing)}"


@pytest.mark.parametrize("section", SECTIONS, ids=EDITS)
def test_each_says_what_it_is_for_and_what_may_be_written(section: Any) -> None:
    assert section.__doc__
    assert section.says.endswith(".")
    fields = section.model_fields
    examples = [field.examples for field in fields.values() if field.examples]
    assert examples, f"a field of `{section.key}` needs `examples`, which messages and editors show"
    assert set(fields) == {"root"} or all(field.description for field in fields.values())


@pytest.mark.parametrize("section", SECTIONS, ids=EDITS)
def test_each_has_its_right_results_and_its_mistakes_as_fixtures(section: type[Edit]) -> None:
    folder = ROOT / "tests" / "fixtures" / "invalid"
    specs = [
        path
        for path in folder.rglob("*.yaml")
        if re.search(rf"^{section.key}:", path.read_bytes().decode(errors="replace"), re.MULTILINE)
    ]
    assert specs, f"add tests/fixtures/invalid/CODE-{section.key}-….yaml with a mistake in `{section.key}`"
    right = sorted((ROOT / "tests" / "fixtures" / "edits").glob(f"{section.key}-*.txt"))
    assert right, f"add tests/fixtures/edits/{section.key}-….txt: a graph, a spec, the graph after it"


@pytest.mark.parametrize("key", EDITS)
def test_each_is_told_and_tried(key: str) -> None:
    tests = ROOT / "tests"
    written = re.compile(rf"^{key}:", re.MULTILINE)
    assert f"`{key}`" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), f"CHANGELOG.md needs a line on `{key}`"
    kept = (tests / "fixtures" / "language-1").glob("*.yaml")
    assert any(written.search(path.read_text(encoding="utf-8")) for path in kept), (
        f"language-1 has no spec with `{key}`"
    )
    tried = (path.read_text(encoding="utf-8") for path in (tests / "backend").glob("test_*.py"))
    assert any(f'"{key}"' in text or written.search(text) for text in tried), f"no test in tests/backend has `{key}`"
    drawn = (tests / "random_specs.py").read_text(encoding="utf-8")
    assert key in (*NOT_DRAWN, *re.findall(r"\w+", drawn)), f"tests/random_specs.py never draws `{key}`"


def subclasses(cls: Any) -> set[type[Edit]]:
    return {each for below in cls.__subclasses__() for each in (below, *subclasses(below))}
