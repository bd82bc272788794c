"""The reference of the Python API has every public name, and says what each argument and each field is."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import pytest

import spec_compiler
from documentation.docstrings import docstring
from documentation.pages import DOCS
from documentation.python_api import HIDDEN, TOPICS, argument, inside, main, members, pages
from documentation.python_examples import EXAMPLES

NAMES = [name for topic in TOPICS for name in topic.names]
FUNCTIONS = [name for name in NAMES if inspect.isfunction(getattr(spec_compiler, name))]
CLASSES = {name: getattr(spec_compiler, name) for name in NAMES if name not in FUNCTIONS}


def test_the_pages_are_fresh() -> None:
    assert main(["--check"]) == 0, "run `make schemas`"


def test_every_public_name_has_its_place() -> None:
    assert sorted(NAMES) == sorted(spec_compiler.__all__)
    for topic in TOPICS:
        text = (DOCS / topic.file).read_text(encoding="utf-8")
        assert [name for name in topic.names if f"\n## `{name}`\n" not in text] == []
    contents = pages()["python.md"]
    assert [name for name in NAMES if f"| [`{name}`](" not in contents] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_argument_is_told(name: str) -> None:
    assert docstring(getattr(spec_compiler, name)).says
    parameters = inspect.signature(getattr(spec_compiler, name)).parameters
    assert [each for each in parameters if each not in HIDDEN and not argument(name, each)] == []
    assert name in EXAMPLES


@pytest.mark.parametrize("name", CLASSES)
def test_every_field_is_told_of_what_a_function_gives_too(name: str) -> None:
    for kind in (CLASSES[name], *inside(CLASSES[name]).values()):
        assert docstring(kind).says
        assert [each.name for each in members(kind) if not each.says] == [], kind.__name__


def test_a_field_without_a_word_is_found() -> None:
    @dataclass
    class Told:
        """What it is.

        Attributes:
            one: what this is.
        """

        one: int
        other: int

    assert [each.name for each in members(Told) if not each.says] == ["other"]
