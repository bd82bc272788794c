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
OTHERS = {"spec", "name", "description", "seed", "base", "bases", "data", "compile", "train", "expect"}


def test_a_spec_has_a_field_for_each_in_this_order() -> None:
    assert [name for name in Spec.model_fields if name not in OTHERS] == list(EDITS)


def test_every_edit_in_the_folder_is_in_the_list() -> None:
    """Of those that have a key: the others are steps of one that has."""
    sections = {each for each in subclasses(Edit) if "key" in vars(each)}
    forgotten = [f"{each.__module__}.{each.__name__}" for each in sections - set(SECTIONS)]
    assert not forgotten, f"add to `SECTIONS` in {spec_compiler.edits.__file__}: {', '.join(forgotten)}"


def test_the_readme_says_what_each_is_for() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("| section | says |")[2].partition("\n\n")[0]
    named = re.findall(r"^\| `(\w+)`", table, re.MULTILINE)
    missing = [key for key in EDITS if key not in named]
    assert not missing, f"the table of sections in README.md needs a row for {', '.join(missing)}"
    assert [key for key in named if key in EDITS] == list(EDITS), "the README's rows stand in another order"


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


def subclasses(cls: type[Edit]) -> set[type[Edit]]:
    return {each for below in cls.__subclasses__() for each in (below, *subclasses(below))}
