"""The JSON Schema: fresh, draft-07, and of one mind with the compiler on what is well formed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from spec_compiler import load_spec
from spec_compiler.diagnostics import SpecError
from spec_compiler.diagnostics.rules.__main__ import main as rules_page
from spec_compiler.spec.reference import main as language_page
from spec_compiler.spec.schema import main, schema_file, spec_schema
from spec_compiler.text.yaml_text import read_source

ROOT = Path(__file__).parents[2]
INVALID = sorted((ROOT / "tests" / "fixtures" / "invalid").glob("SC*.yaml"))
STRUCTURAL = ("SC101", "SC102", "SC103", "SC104", "SC105", "SC106", "SC107", "SC108", "SC202", "SC203")
# What a schema cannot know: the model, the caller, another section or file, classes of one's own, regular expressions.
BEYOND = {
    "SC107-braces-in-a-name",
    "SC107-name-of-a-match-in-a-head",
    "SC101-each-of-a-replacement",
    "SC101-layers-of-an-insertion",
    "SC107-too-few-channels",
    "SC108-name-twice",
    "SC108-where-twice",
    "SC101-block-parameter",
    "SC101-imported-section",
    "SC102-block-parameter",
    "SC103-block-times",
    "SC106-block",
    "SC107-block-parameter",
    "SC108-imports-clash",
    "SC202-block",
    "SC202-case",
    "SC101-expect-metric-without-training",
    "SC102-own-layer",
    "SC102-no-base",
    "SC102-sweep-of-no-training",
    "SC102-sweep-without-trials",
    "SC102-train-without-compile",
    "SC103-phase-twice",
    "SC108-learning-rates-twice",
    "SC103-validation-in-percent",
    "SC104-regex",
    "SC106-own-callback",
    "SC106-own-layer",
    "SC106-set",
    "SC107-set",
    "SC108-classes-of-imagenet",
    "SC108-classes-without-a-top",
    "SC108-function-and-folder",
    "SC108-grid-of-a-range",
    "SC108-image-size-of-a-function",
    "SC108-inputs-fed-twice",
    "SC108-pooling-beside-a-top",
    "SC108-rename-of-one-layer-twice",
    "SC202-own-class-that-nobody-registers",
    "SC202-unregistered",
    "SC202-wrapped-class",
}


@pytest.fixture(scope="module")
def validator() -> Any:
    Draft7Validator.check_schema(spec_schema())
    return Draft7Validator(json.loads(schema_file().read_text(encoding="utf-8")))


def test_the_generated_files_are_fresh() -> None:
    assert main(["--check"]) == 0, "run `make schemas`"
    assert language_page(["--check"]) == 0, "run `make schemas`, which writes docs/language.md"
    assert rules_page(["--check"]) == 0, "run `make schemas`, which writes docs/rules.md"


@pytest.mark.parametrize("path", sorted((ROOT / "specs").rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_is_valid(validator: Any, path: Path) -> None:
    assert [each.message for each in validator.iter_errors(read_source(path).data)] == []


@pytest.mark.thorough
def test_every_structural_mistake_is_refused(validator: Any) -> None:
    accepted = set()
    for path in INVALID:
        try:
            data = read_source(path).data
        except SpecError:
            continue  # no YAML
        if path.stem.startswith(STRUCTURAL) and "override" not in path.stem and validator.is_valid(data):
            accepted.add(path.stem)
    assert accepted <= BEYOND


def test_what_the_schema_accepts_beyond_doubt(validator: Any) -> None:
    variables = {"spec": 1, "vars": {"units": 3}, "head": [{"Dense": "${units}"}, {"Dense": {"units": "${units}"}}]}
    assert validator.is_valid(variables)
    assert validator.is_valid({"spec": 1, "freeze": None, "head": None, "replace": None})
    assert validator.is_valid({"spec": 1, "head": ["mine>Pooling", {"mine>Pooling": {"anything": 1}}]})
    assert validator.is_valid({"spec": 1, "head": ["my_layers:SE", {"my.layers:SE": {"anything": 1}}]})
    assert not validator.is_valid({"spec": 1, "head": ["type:Dense"]})


@pytest.mark.parametrize(
    "file", ["w.keras", "w.weights.h5", "w.weights.json", "w.safetensors", "w.h5", "package:p/w.h5"]
)
def test_every_file_of_weights_that_is_read_is_accepted(validator: Any, file: str) -> None:
    for weights in (file, {"file": file, "map": {"fc1": "classifier"}}):
        data = {"spec": 1, "base": {"application": "VGG16", "weights": weights}}
        assert load_spec(data).base is not None
        assert validator.is_valid(data), weights
    assert not validator.is_valid({"spec": 1, "base": {"application": "VGG16", "weights": "w.pt"}})


def test_fields_and_arguments_are_documented() -> None:
    schema = spec_schema()
    assert "$defs" not in json.dumps(schema)
    for name, field in schema["properties"].items():
        assert field.get("description"), name
    convolution = schema["definitions"]["layer.Conv2D"]["anyOf"][0]["properties"]
    assert convolution["kernel_size"]["description"].startswith("int or tuple")
    assert convolution["padding"]["default"] == "valid"


def test_every_reference_leads_somewhere() -> None:
    schema = spec_schema()
    todo: list[Any] = [schema]
    while todo:
        here = todo.pop()
        if isinstance(here, dict):
            if isinstance(here.get("$ref"), str):
                assert here["$ref"].removeprefix("#/definitions/") in schema["definitions"], here
            todo += here.values()
        elif isinstance(here, list):
            todo += here
