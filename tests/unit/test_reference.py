"""The reference of the language names every section, and what it shows is what may be written."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
from jsonschema import Draft7Validator

from spec_compiler.edits import EDITS
from spec_compiler.language.selectors import Form, Selector
from spec_compiler.spec import Spec, load_spec
from spec_compiler.spec.described import SELECTORS
from spec_compiler.spec.reference import PAGE
from spec_compiler.spec.schema import spec_schema
from tests.markdown import blocks

SCHEMA = spec_schema()
EXAMPLES = [
    (key, example)
    for holder in (SCHEMA, *SCHEMA["definitions"].values())
    for key, field in holder.get("properties", {}).items()
    for example in field.get("examples", ())
]


def test_every_section_is_there_in_its_order() -> None:
    text = PAGE.read_text(encoding="utf-8")
    said = re.findall(r"^(?:### |\| )`(\w+)`(?: \(needed\) \||$| \|)", text.partition("## Forms")[0], re.MULTILINE)
    assert {*Spec.model_fields, "vars"} <= {*said}
    assert [key for key in re.findall(r"^### `(\w+)`$", text, re.MULTILINE) if key in EDITS] == list(EDITS)


def test_every_link_leads_to_a_heading() -> None:
    text = PAGE.read_text(encoding="utf-8")
    headings = {each.strip("`").replace(" ", "-") for each in re.findall(r"^### (.+)$", text, re.MULTILINE)}
    assert {*re.findall(r"\]\(#([\w-]+)\)", text)} <= headings


@pytest.mark.parametrize("text", [each for block in blocks(PAGE, "yaml") for each in block.split("---\n")])
def test_every_example_of_a_section_parses(text: str) -> None:
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
