"""The reference of formats has every schema, and each example is as its schema says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from documentation.formats import EXAMPLES, FORMATS, Format, main, pages
from documentation.pages import DOCS, ROOT

SCHEMAS = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "schemas").glob("*.schema.json")}
REGISTRY: Registry[Any] = Registry().with_resources(
    (name, Resource.from_contents(each)) for name, each in SCHEMAS.items() if name != "model-spec.schema.json"
)


def problems(schema: str, file: Path) -> list[str]:
    validator = Draft202012Validator(SCHEMAS[schema], registry=REGISTRY)
    return [each.message for each in validator.iter_errors(json.loads(file.read_text(encoding="utf-8")))]


def test_the_pages_are_fresh() -> None:
    assert main(["--check"]) == 0, "run `make schemas`"


def test_every_schema_has_a_page() -> None:
    assert {each.schema for each in FORMATS} | {"model-spec.schema.json"} == {*SCHEMAS}
    assert all(f"](formats/{each.page}.md)" in pages()["formats.md"] for each in FORMATS)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.page)
def test_the_example_is_as_the_schema_says(form: Format) -> None:
    assert problems(form.schema, EXAMPLES / form.example) == []


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.page)
def test_every_key_of_the_schema_is_on_the_page(form: Format) -> None:
    text = (DOCS / "formats" / f"{form.page}.md").read_text(encoding="utf-8")
    assert [key for key in SCHEMAS[form.schema]["properties"] if f"**`{key}`**" not in text] == []


def test_what_a_schema_does_not_say_is_refused(tmp_path: Path) -> None:
    """Each schema asks for something: a file without its first needed key is refused."""
    for form in FORMATS:
        data = json.loads((EXAMPLES / form.example).read_text(encoding="utf-8"))
        del data[SCHEMAS[form.schema]["required"][0]]
        (tmp_path / "less.json").write_text(json.dumps(data), encoding="utf-8")
        assert problems(form.schema, tmp_path / "less.json") != [], form.page


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.page)
def test_every_key_says_what_it_is(form: Format) -> None:
    keys = re.findall(r"^ *- \*\*`\w+`\*\*, .*$", pages()[f"formats/{form.page}.md"], re.MULTILINE)
    assert keys
    assert [key for key in keys if ": " not in key and not key.endswith("`1`")] == []
