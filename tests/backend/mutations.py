"""Examples broken at random, in one place, the way fingers and editors break them."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spec_compiler.text.source import Span
from spec_compiler.text.yaml_text import parse_source

KINDS = ("letter", "key", "type", "indent", "name", "number")
_TEXT_ONLY = ("description", "name", "weights", "file", "map", "data", "train", "vars")  # whose values name nothing
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,}")


@dataclass(frozen=True)
class Mutation:
    """A broken spec: what was broken on which line (from 1), and the name that was misspelt, if one was."""

    text: str
    kind: str
    line: int
    before: str
    after: str
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} on line {self.line}: {self.before!r} -> {self.after!r}"


def mutated(text: str, random: random.Random, kinds: tuple[str, ...] = KINDS) -> Mutation:
    """The text with one thing broken."""
    while True:
        kind = random.choice(kinds)
        found = list(globals()[f"_{kind}"](text, random))
        if found and found[0].text != text:
            return Mutation(*found[0].__dict__.values())


def _letter(text: str, random: random.Random) -> Iterator[Mutation]:
    """A slip in a word of a line that is no comment."""
    places = [
        (number, found)
        for number, line in enumerate(text.split("\n"), 1)
        if not line.lstrip().startswith("#")
        for found in _WORD.finditer(line.split(" #")[0])
    ]
    number, word = random.choice(places)
    yield _changed(text, "letter", number, word.start(), word[0], slip(word[0], random))


def _name(text: str, random: random.Random) -> Iterator[Mutation]:
    """A slip in a name that must hit: a section, a class, an argument, a layer, an application."""
    places = list(_names(text))
    span, name = random.choice(places)
    wrong = slip(name, random)
    found = _changed(text, "name", span.line + 1, span.column, name, wrong)
    yield Mutation(found.text, "name", found.line, name, wrong, name)


def _names(text: str) -> Iterator[tuple[Span, str]]:
    source = parse_source(text)
    for path, span in source.keys.items():
        if "map" not in path and len(str(path[-1])) > 2 and path[0] != "vars":
            yield span, str(path[-1])
    for path, span in source.values.items():
        if not span.plain or any(part in _TEXT_ONLY for part in path):
            continue
        value = _at(source.data, path)
        for word in _WORD.finditer(value) if isinstance(value, str) else ():
            yield Span(span.line, span.column + word.start(), span.line, span.column + word.end()), word[0]


def _at(data: object, path: tuple[str | int, ...]) -> object:
    for part in path:
        data = data[part] if isinstance(data, dict | list) else None  # type: ignore[index]
    return data


def _key(text: str, random: random.Random) -> Iterator[Mutation]:
    """A key that is another word, or that is there twice."""
    places = list(parse_source(text).keys.items())
    path, span = random.choice(places)
    if len(path) == 1 and random.random() < 0.3:
        lines = text.split("\n")
        lines.insert(span.line, lines[span.line])
        yield Mutation("\n".join(lines), "key", span.line + 2, "", lines[span.line])
        return
    other = random.choice(["layer", "weight", "options", "x", "", "Dense", "units"])
    yield _changed(text, "key", span.line + 1, span.column, str(path[-1]), other)


def _type(text: str, random: random.Random) -> Iterator[Mutation]:
    """A value of another type."""
    source = parse_source(text)
    places = [span for span in source.values.values() if span.line == span.end_line and span.end_column > span.column]
    span = random.choice(places)
    old = text.split("\n")[span.line][span.column : span.end_column]
    new = random.choice(["true", "null", "3", "2.5", "[1, 2]", "{a: 1}", '"text"', "[]", "~", "-1", "''"])
    yield _changed(text, "type", span.line + 1, span.column, old, new)


def _indent(text: str, random: random.Random) -> Iterator[Mutation]:
    """A line that is moved to the left or to the right."""
    lines = text.split("\n")
    places = [number for number, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")]
    number = random.choice(places)
    line = lines[number - 1]
    step = random.choice([1, 2, 3, -1, -2, -3])
    moved = " " * step + line if step > 0 else line.removeprefix(" " * -step)
    if random.random() < 0.1:
        moved = "\t" + line
    lines[number - 1] = moved
    yield Mutation("\n".join(lines), "indent", number, line, moved)


def _number(text: str, random: random.Random) -> Iterator[Mutation]:
    """Another number."""
    places = [
        (number, found)
        for number, line in enumerate(text.split("\n"), 1)
        if not line.lstrip().startswith("#")
        for found in re.finditer(r"\d+(?:\.\d+)?", line.split(" #")[0])
    ]
    if places:
        number, found = random.choice(places)
        other = random.choice(["0", "-1", "7", "1000000", "0.5", "1e9", "99", ""])
        yield _changed(text, "number", number, found.start(), found[0], other)


def slip(word: str, random: random.Random) -> str:
    """The word with a letter too many, too few, another one, or two that changed places."""
    at = random.randrange(len(word))
    kind = random.choice(["insert", "delete", "replace", "swap"])
    letter = random.choice(string.ascii_lowercase)
    if kind == "insert":
        return word[:at] + letter + word[at:]
    if kind == "delete":
        return word[:at] + word[at + 1 :]
    if kind == "replace":
        return word[:at] + letter + word[at + 1 :]
    return word[:at] + word[at : at + 2][::-1] + word[at + 2 :]


def _changed(text: str, kind: str, number: int, column: int, old: str, new: str) -> Mutation:
    lines = text.split("\n")
    line = lines[number - 1]
    lines[number - 1] = line[:column] + new + line[column + len(old) :]
    return Mutation("\n".join(lines), kind, number, old, new)


def examples(folder: Path) -> dict[str, str]:
    """The texts of the examples by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))}
