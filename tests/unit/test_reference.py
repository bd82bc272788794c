"""The reference of the language names every section and key, each with an example, and what it shows may be written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft7Validator

from spec_compiler.edits import EDITS
from spec_compiler.language.selectors import Form, Selector
from spec_compiler.spec import Spec, load_spec
from spec_compiler.spec.described import SELECTORS, Described, Descriptions, explained, names
from spec_compiler.spec.form_examples import FORM_EXAMPLES
from spec_compiler.spec.reference import CONTENTS, DOCS, FORMS, pages
from spec_compiler.spec.schema import spec_schema
from tests.markdown import blocks

SCHEMA = spec_schema()
PAGES = pages()
FILES = [DOCS / name for name in PAGES]
EXAMPLES = [
    (key, example)
    for holder in (SCHEMA, *SCHEMA["definitions"].values())
    for key, field in holder.get("properties", {}).items()
    for example in field.get("examples", ())
]
WORDS = {"input_weights", "set_weights", "new_weights"}  # whose keys are words that may stand alone


def everything() -> dict[str, Described]:
    return {each.name: each for name in names() for each in explained(name)}


def test_every_section_is_in_the_contents_in_its_order() -> None:
    said = re.findall(r"^\| \[`(\w+)`\]", (DOCS / CONTENTS).read_text(encoding="utf-8"), re.MULTILINE)
    assert {*said} == {*Spec.model_fields, "vars", "blocks"}
    assert [key for key in said if key in EDITS] == list(EDITS)


def test_every_section_and_key_has_a_place() -> None:
    texts = "".join(each.read_text(encoding="utf-8") for each in FILES)
    for name, described in everything().items():
        if "." in name:
            assert f'<a id="{name}"></a>' in texts
        elif name.endswith(" form"):
            assert f"\n## {name}\n" in texts
        else:
            assert f"\n## `{name}`\n" in texts
        for key in described.keys:
            assert not key.name or f'<a id="{name.replace(" ", "-")}.{key.name}"></a>' in texts


def test_every_section_and_key_has_an_example() -> None:
    all_ = Descriptions(SCHEMA)
    for name, field in all_.sections.items():
        if all_.is_plain(name):
            assert all_.key(name, field).example, name
            continue
        section = all_.section(name)
        assert section.examples, name
        assert [key.name for key in section.keys if key.name and not key.example] == [], name


def test_every_form_has_examples_which_have_all_of_its_keys() -> None:
    for form in Descriptions(SCHEMA).all_forms():
        assert form.examples or form.elements
    for name, found in {each.name: each for each in everything().values() if each.name.endswith(" form")}.items():
        written = " ".join(found.examples)
        short = name.removesuffix(" form").replace(" ", "_")
        for key in found.keys:
            assert short in WORDS or re.search(rf"\b{key.name}: ", written), f"{name}: {key.name}"


@pytest.mark.parametrize("name", FORM_EXAMPLES)
def test_every_example_of_a_form_is_valid(name: str) -> None:
    schema = {"$ref": f"#/definitions/{name}", "definitions": SCHEMA["definitions"]}
    for example in FORM_EXAMPLES[name]:
        assert [each.message for each in Draft7Validator(schema).iter_errors(example)] == []


@pytest.mark.parametrize(
    "text", [each for file in FILES for block in blocks(file, "yaml") for each in block.split("---\n")]
)
def test_every_example_of_a_section_parses(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "common.yaml").write_text("vars: {width: 8}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    if text.startswith("spec:"):
        assert load_spec(text)
        return
    around = "vars: {units: 8, rate: 0.1}\nhead: [Dense: {units: '${units}'}, Dropout: '${rate}']\n"
    around += "train: {phase: main, epochs: 1}\n"
    overrides = ["sweep.trials=3"] if text.startswith("sweep:") else []
    assert load_spec(f"spec: 1\n{around if overrides else ''}{text}", overrides=overrides)


@pytest.mark.parametrize(("key", "example"), EXAMPLES, ids=[f"{key}-{at}" for at, (key, _) in enumerate(EXAMPLES)])
def test_every_example_of_a_key_is_valid(key: str, example: Any) -> None:
    """In every mapping of the language that has this example."""
    for holder in (SCHEMA, *SCHEMA["definitions"].values()):
        field = holder.get("properties", {}).get(key, {})
        if example in field.get("examples", ()):
            validator = Draft7Validator({"allOf": [field], "definitions": SCHEMA["definitions"]})
            assert [each.message for each in validator.iter_errors(example)] == []


def test_every_form_of_a_selector_is_told() -> None:
    forms = [Selector.parse(text).terms[0].form for text in SELECTORS]
    assert sorted(forms) == sorted(get_args(Form))
    assert all(f"| `{text}` |" in PAGES[FORMS] for text in SELECTORS)
