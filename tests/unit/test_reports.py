"""The formats of `check` that other programs read."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from spec_compiler import check_spec
from spec_compiler.cli.reports import diagnostic_json, github, report
from spec_compiler.cli.sarif import sarif
from spec_compiler.diagnostics import Diagnostic
from spec_compiler.text.yaml_text import parse_source

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "fixtures" / "invalid"
SARIF = ROOT / "tests/node/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
FILES = ("SC101-several-at-once.yaml", "SC001-tab.yaml", "SC004-not-utf-8.yaml", "SC111-unused-variable.yaml")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Diagnostic]:
    """What is wrong with several files, seen from the project's root."""
    monkeypatch.chdir(ROOT)
    return [each for name in FILES for each in check_spec(os.fspath(FOLDER / name), static=True)]


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs Node.js")
def test_sarif_is_valid_under_its_published_schema(found: list[Diagnostic]) -> None:
    assert SARIF.exists(), "run `make node`"
    schema: dict[str, Any] = json.loads(SARIF.read_text(encoding="utf-8"))
    for log in (sarif(found), sarif([])):
        assert [each.message for each in Draft7Validator(schema).iter_errors(log)] == []


def test_sarif_says_where_and_which_rule(found: list[Diagnostic]) -> None:
    run = sarif(found)["runs"][0]
    first = run["results"][0]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "tests/fixtures/invalid/SC101-several-at-once.yaml"
    assert place["region"] == {"startLine": 2, "startColumn": 43, "endColumn": 55}
    assert run["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == first["ruleId"] == "SC106"
    assert run["results"][-1]["level"] == "warning"


def test_json_names_files_from_here(found: list[Diagnostic]) -> None:
    data = json.loads(report(found, "json", "everything", {"a.yaml": "files"}))
    assert data["checked"] == "everything"
    assert {each["file"] for each in data["diagnostics"]} == {f"tests/fixtures/invalid/{name}" for name in FILES}
    assert data["diagnostics"][0] == diagnostic_json(found[0])


def test_github_gets_one_line_for_each(found: list[Diagnostic]) -> None:
    lines = report(found, "github", "", {}).split("\n")
    assert len(lines) == len(found)
    assert lines[0].startswith(
        "::error file=tests/fixtures/invalid/SC101-several-at-once.yaml,line=2,col=43,endColumn=55,title=SC106%3A"
    )
    assert "%0Ahelp: did you mean `include_top`?" in lines[0]
    assert lines[-1].startswith("::warning ")


def test_github_escapes() -> None:
    source = parse_source("a: 1\n", file="a,b:c.yaml")
    diagnostic = source.locate(Diagnostic("SC103", "100% wrong\nreally", ("a",)))
    assert github(diagnostic).startswith("::error file=a%2Cb%3Ac.yaml,line=1,col=4,endColumn=5,")
    assert github(diagnostic).endswith("::100%25 wrong%0Areally")


def test_an_override_has_a_note_in_place_of_a_line() -> None:
    (found,) = check_spec(
        os.fspath(FOLDER / "SC601-override-of-a-loss.yaml"), static=True, overrides=["compile.loss=binary_crossentropi"]
    )
    data = diagnostic_json(found)
    assert (data["line"], data["notes"]) == (None, ["set by `--set compile.loss=binary_crossentropi`"])
    assert data["file"] is not None
    assert "line=" not in github(found)
    assert "set by `--set" in github(found)
    assert "region" not in sarif([found])["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
