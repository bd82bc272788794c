"""Whatever breaks in a spec: no traceback, a place on the broken line, and the right name for a misspelt one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spec_compiler import Diagnostic, check_spec
from spec_compiler.backend import application_bases, bases
from tests.backend.mutations import KINDS, Mutation, examples, mutated
from tests.backend.pictures import write_pictures

SPECS = examples(Path(__file__).parents[2] / "specs")
SEED = 20_240_501


@pytest.fixture(autouse=True)
def _images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data that `digits_two_phase` names, which `make digits` writes."""
    write_pictures(tmp_path / "out" / "digits", classes=10, each=4)
    (tmp_path / "specs").mkdir()
    monkeypatch.chdir(tmp_path / "specs")


@pytest.fixture(autouse=True)
def _remembered_bases(monkeypatch: pytest.MonkeyPatch) -> None:
    """An application is read once for all specs that name it alike: here only the spec changes."""
    read = application_bases.from_application
    known: dict[str, Any] = {}

    def from_application(base: Any, *arguments: Any) -> Any:
        key = f"{base!r} {arguments!r}"
        if key not in known:
            known[key] = read(base, *arguments)
        return known[key]

    monkeypatch.setattr(bases, "from_application", from_application)


def mutations(count: int, kinds: tuple[str, ...] = KINDS) -> Iterator[Mutation]:
    """Broken examples, each as often as the others."""
    generator = random.Random(SEED)
    names = list(SPECS)
    for number in range(count):
        yield mutated(SPECS[names[number % len(names)]], generator, kinds)


def is_located(mutation: Mutation, found: tuple[Diagnostic, ...]) -> bool:
    """Whether a diagnostic stands on the broken line, or on the one that names what was broken, or mentions it."""
    for each in found:
        if each.line is None or each.column is None:
            return False
    words = [word for word in (mutation.before.strip(), mutation.after.strip()) if len(word) > 2]
    for each in found:
        said = "\n".join((each.message, *each.notes, each.help or ""))
        if each.line == mutation.line or f"line {mutation.line})" in said or said.endswith(f"line {mutation.line}"):
            return True
        if any(word in (each.source_line or "") or word in said for word in words):
            return True
        if mutation.kind == "indent" and each.line is not None and abs(each.line - mutation.line) <= 1:
            return True
        if mutation.after.strip() == "~" and "None" in said:  # a size that is open now
            return True
        if f"line {mutation.line}" in said or f"line {_section_line(mutation)})" in said:
            return True
    return False


def _section_line(mutation: Mutation) -> int:
    """The line where the section begins that the broken line belongs to."""
    lines = mutation.text.split("\n")[: mutation.line]
    return max(number for number, line in enumerate(lines, 1) if line[:1].strip() and not line.startswith("#"))


def run(count: int, kinds: tuple[str, ...] = KINDS) -> None:
    lost: list[str] = []
    offered = missed = valid = 0
    unnamed: list[str] = []
    for mutation in mutations(count, kinds):
        found = check_spec(mutation.text if "\n" in mutation.text else mutation.text + "\n")
        errors = tuple(each for each in found if each.severity == "error")
        if not errors:
            valid += 1
            continue
        if not is_located(mutation, errors):
            lost.append(f"{mutation}: {[(each.code, each.line, each.message) for each in errors]}")
        if mutation.name is not None:
            if any(mutation.name in (each.help or "") for each in errors):
                offered += 1
            else:
                missed += 1
                unnamed.append(f"{mutation}: {[(each.code, each.message, each.help) for each in errors]}")
    share = offered / max(1, offered + missed)
    print(f"{count} mutations: {valid} still valid, {count - valid} refused, {len(lost)} not at their place")
    print(f"{offered + missed} misspelt names: the right one offered for {share:.1%}")
    for each in unnamed:
        print(each)
    assert not lost, "\n".join(lost)
    assert share >= 0.95, "\n".join(unnamed)


def test_a_hundred_mutations() -> None:
    run(100)


@pytest.mark.slow
def test_a_thousand_mutations() -> None:
    run(1000)


@pytest.mark.slow
def test_a_thousand_misspelt_names() -> None:
    run(1000, kinds=("name",))
