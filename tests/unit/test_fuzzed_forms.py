"""The fuzzer of forms: a short run of it, a long one among the slow tests, and what it starts from."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec_compiler import check_spec, load_spec
from spec_compiler.diagnostics import Diagnostic
from tests.fuzz import forms, specs
from tests.fuzz.forms import KINDS, originals, run
from tests.fuzz.valid_specs import ROOT, keep_graphs

CODE = {"own_code.yaml": "SC112"}  # of specs that run code, which has to be allowed
ELSEWHERE = {path.name for path in (ROOT / "specs").glob("*.yaml")}  # of those other tests say that they are right
HERE = [name for name, text in originals().items() if name not in ELSEWHERE and "{file: " not in text]


@pytest.mark.parametrize("name", HERE)
def test_what_is_broken_is_right_before(name: str) -> None:
    text = originals()[name]
    if name not in CODE:
        keep_graphs(load_spec(text))
    told = {each.code for each in check_spec(text, static=True) if each.severity == "error"}
    assert told == {CODE[name]} if name in CODE else not told


@pytest.mark.thorough
def test_broken_forms_are_told_where_they_are_broken() -> None:
    report = run(500, seed=17)
    assert not report.failures, report.failures[0]
    assert all(report.kinds[kind, True] for kind in KINDS if kind != "steps"), report


@pytest.mark.slow
@pytest.mark.thorough
def test_many_broken_forms_are_told_where_they_are_broken() -> None:
    report = run(20_000, seed=1)
    assert not report.failures, f"{len(report.failures)}, the first is {report.failures[0]}"
    assert len(report.codes) > 20, report


def test_the_fuzzer_of_forms_finds_what_it_looks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(*args: object, **how: object) -> tuple[Diagnostic, ...]:
        raise KeyError("a bug")

    monkeypatch.setattr(specs, "check_spec", raising)
    assert "KeyError" in run(5, seed=1).failures[0][1]
    monkeypatch.setattr(specs, "check_spec", lambda *_, **__: (Diagnostic("SC101", "a mistake without a place"),))
    assert run(5, seed=1).failures[0][1].startswith("no place")


def test_the_same_seed_breaks_the_same(tmp_path: Path) -> None:
    texts = [forms.broken({"a": [1, {"b": "c"}]}, "moved", forms.Chance(4), [{"d": 1}]).text for _ in range(2)]
    assert texts[0] == texts[1]
