"""What is read without ruamel.yaml is what ruamel.yaml reads: the same events at the same places, the same values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spec_compiler.diagnostics import SpecError
from spec_compiler.text import yaml_events, yaml_text
from spec_compiler.text.events import Event
from spec_compiler.text.usual_yaml import UNUSUAL, usual_events, usual_value
from spec_compiler.text.yaml_parser import constructed, parsed_events, tag_of
from spec_compiler.text.yaml_text import parse_source

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path for folder in ("specs", "tests", "spec_compiler", "benchmarks") for path in (ROOT / folder).rglob("*.yaml")
)
# Texts are drawn from what decides how YAML is read, as lines; one in ten is usual.
WORDS = r"""a b1 ..c type:D é 1 -2 0.5 1e-3 true ~ no 0x1F << = - -a a:b a#b a,b a] don't *a &a 'q' "q" 'q''r' "q\n" ''
    "#:" ${a} "${a}" [] {} [a,b] {a:b} b} 1] --- ... % @ # !t [ ] { } , : ? | > \\ \t"""
SPACED = (
    " ",
    ", ",
    ": ",
    "x y",
    "[a, ",
    "{a: ",
    "[a,\n b]",
    "{a: 1,\n b: 2}",
    "[a: 1, b]",
    '"a": ',
    "\u00a0",
    "\t",
    "\r",
)
VALUES = st.one_of(
    st.sampled_from((*WORDS.split()[:20], "[a, b]", "{a: 1}")),
    st.lists(st.sampled_from((*WORDS.split(), *SPACED)), max_size=4).map("".join),
)
LINES = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(("", "", "  ", "  ", "    ", " ")),
    st.sampled_from(("a: ", "b: ", "- ", "a:", "- a: ", "- - ", "")),
    VALUES,
    st.sampled_from(("", "", "", " # c", " ", "#")),
)
TEXTS = st.lists(LINES, max_size=5).map("\n".join)


def by_ruamel(text: str) -> list[Event] | None:
    """The events, that of the document aside; None where the text is no YAML."""
    try:
        return [event for event in parsed_events(text, None) if event.kind != "document"]
    except (SpecError, ValueError):
        return None


def read(text: str) -> Any:
    """What a text says, with the place of everything; or what is wrong with it."""
    try:
        source = parse_source(text)
    except SpecError as error:
        return error.diagnostics
    return source.data, source.values, source.keys


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_says_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = path.read_bytes().decode(errors="replace")
    usually = read(text)
    monkeypatch.setattr(yaml_text, "usual_events", lambda _: None)
    monkeypatch.setattr(yaml_events, "usual_value", lambda _: UNUSUAL)
    assert repr(read(text)) == repr(usually)  # `1` and `true` are equal


@given(TEXTS)
@settings(max_examples=2000, deadline=None)
def test_any_text_is_read_the_same_or_not_at_all(text: str) -> None:
    events = usual_events(text)
    assert events is None or events == by_ruamel(text)


@given(st.text("-+.0123456789_eExobafnNtTrRuUlLiI~:<= ", max_size=6))
@settings(max_examples=2000, deadline=None)
def test_any_scalar_says_the_same(text: str) -> None:
    value = usual_value(text)
    if value is UNUSUAL:
        return
    tag = tag_of(text)
    expected = constructed(tag, text) if tag.rpartition(":")[2] in ("int", "float", "bool", "null") else text
    assert (type(value), value) == (type(expected), expected)


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.yaml")), ids=lambda path: path.name)
def test_specs_are_usual(path: Path) -> None:
    assert usual_events(path.read_text(encoding="utf-8")) is not None
