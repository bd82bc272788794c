"""A valid spec broken at a known place: one function a kind, as users, editors and strangers break it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import NamedTuple

ODD = "\x00\x07\x0b\x0c\x1b\x7f\x85\xa0\u00ad\u200b\u2028\u2029\u202e\ufeff\uffff\U0001f600é層\t\r\"'#:[]{},&*!|>%@`\\"
EXTREMES = (
    "0", "-1", "1", "2147483647", "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808",
    "1" + "0" * 30, "1" + "0" * 450, "1.5", "-0.0", "1e308", "1e309", "1e-320", ".inf", "-.inf", ".nan", "0x10", "0o17",
    "1_000", "1e9", "1000000000", "+5", "1.", ".5", "0.1e-400", "'5'",
)  # fmt: skip
TYPES = ("3", "0.5", "true", "null", "~", "text", "''", "[]", "{}", "[1, 2]", "{a: 1}", "[[[]]]", "{a: {b: {c: 1}}}")
FEATURES = (
    "&a ",
    "*a",
    "!!str ",
    "!!binary ",
    "!local ",
    "<<: ",
    "? ",
    "| ",
    ">",
    "--- ",
    "... ",
    "%YAML 1.1",
    "${",
    "${x}",
)
_KEY = re.compile(r"^(\s*(?:- )?)([A-Za-z_]\w*)(:)")
_VALUE = re.compile(r"(?<=[:\[,] )([^\s#\[\]{},][^#\[\]{},\n]*)")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w{2,}(?![\w:])")
_WORD = re.compile(r"\w{2,}")


class Broken(NamedTuple):
    """A text and what was done to it: the lines, from 1, that are no longer right, and the words that stood there."""

    kind: str
    text: bytes
    lines: frozenset[int]
    words: frozenset[str]


Lines = list[str]
Breaks = Callable[[Lines, random.Random], tuple[Lines, set[int], str] | None]


def broken(text: str, kind: str, chance: random.Random) -> Broken | None:
    """The text with a mistake of a kind; None where it has no place for one."""
    if kind == "bytes":
        return _bytes(text, chance)
    lines = text.splitlines()
    done = KINDS[kind](list(lines), chance)
    if done is None or done[0] == lines:
        return None
    result, places, old = done
    words = {word for place in places if place <= len(result) for word in _WORD.findall(result[place - 1])}
    return Broken(
        kind, ("\n".join(result) + "\n").encode(), frozenset(places), frozenset(words | set(_WORD.findall(old)))
    )


def _replaced(pattern: re.Pattern[str], new: Callable[[re.Match[str], random.Random], str]) -> Breaks:
    """One place that a pattern finds, replaced."""

    def breaks(lines: Lines, chance: random.Random) -> tuple[Lines, set[int], str] | None:
        found = [(at, each) for at, line in enumerate(lines) for each in pattern.finditer(line)]
        if not found:
            return None
        at, each = chance.choice(found)
        old = lines[at]
        lines[at] = old[: each.start()] + new(each, chance) + old[each.end() :]
        return lines, {at + 1}, old

    return breaks


def _slip(word: str, chance: random.Random) -> str:
    at = chance.randrange(len(word))
    match chance.randrange(4):
        case 0:
            return word[:at] + word[at + 1 :] or "x"
        case 1:
            return word[:at] + chance.choice("abcxyz_") + word[at:]
        case 2:
            return word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
    return word.upper() if word.islower() else word.lower()


def _line(change: Callable[[Lines, int, random.Random], set[int]]) -> Breaks:
    """One line that says something, changed."""

    def breaks(lines: Lines, chance: random.Random) -> tuple[Lines, set[int], str] | None:
        told = [at for at, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
        at = chance.choice(told)
        old = lines[at]
        return lines, change(lines, at, chance), old

    return breaks


def _unknown(lines: Lines, at: int, chance: random.Random) -> set[int]:
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip(" -"))].replace("-", " ")
    lines.insert(at, f"{indent}{chance.choice(('unheard_of', 'names', 'layer', 'Dense'))}: {chance.choice(TYPES)}")
    return {at + 1}


def _delete(lines: Lines, at: int, chance: random.Random) -> set[int]:
    del lines[at]
    return {at, at + 1}


def _duplicate(lines: Lines, at: int, chance: random.Random) -> set[int]:
    lines.insert(at, lines[at])
    return {at + 1, at + 2}


def _indent(lines: Lines, at: int, chance: random.Random) -> set[int]:
    line, by = lines[at], chance.choice((1, 2, 4, -1, -2, -4, 9))
    lines[at] = (
        "\t" + line if by == 9 else " " * by + line if by > 0 else line[min(-by, len(line) - len(line.lstrip())) :]
    )
    return {at + 1}


def _swap(lines: Lines, at: int, chance: random.Random) -> set[int]:
    other = chance.randrange(len(lines))
    lines[at], lines[other] = lines[other], lines[at]
    return {at + 1, at + 2, other + 1, other + 2}  # what follows is no longer led by what it was


def _odd(lines: Lines, at: int, chance: random.Random) -> set[int]:
    place = chance.randrange(len(lines[at]) + 1)
    letters = chance.choice(ODD) * chance.choice((1, 1, 1, 3))
    lines[at] = lines[at][:place] + letters + lines[at][place:]
    return {at + 1, at + 1 + letters.count("\r")}  # which ends a line


def _feature(lines: Lines, at: int, chance: random.Random) -> set[int]:
    start = len(lines[at]) - len(lines[at].lstrip(" -")) if chance.random() < 0.5 else lines[at].find(": ") + 2
    lines[at] = lines[at][:start] + chance.choice(FEATURES) + lines[at][start:]
    return {at + 1}


def _long(lines: Lines, at: int, chance: random.Random) -> set[int]:
    place = chance.randrange(len(lines[at]) + 1)
    size = chance.choice((100, 3_000, 50_000))
    lines[at] = (
        lines[at][:place]
        + chance.choice(("x", "[", "{a: ", "- ", "9", "a.", "'", " ", "../", "*a")) * size
        + lines[at][place:]
    )
    return {at + 1}


def _cut(lines: Lines, chance: random.Random) -> tuple[Lines, set[int], str] | None:
    text = "\n".join(lines)
    at = chance.randrange(len(text))
    kept = text[:at].split("\n")
    return kept, {len(kept), len(kept) + 1}, lines[len(kept) - 1]


def _bracket(found: re.Match[str], chance: random.Random) -> str:
    return chance.choice(("", found[0] * 2, "[", "}", '"', "("))


def _bytes(text: str, chance: random.Random) -> Broken:
    raw = bytearray(text.encode())
    lines: set[int] = set()
    for _ in range(chance.choice((1, 1, 4))):
        at = chance.randrange(len(raw))
        lines |= {text.encode()[:at].count(b"\n") + 1, raw[:at].count(b"\n") + 1}
        raw[at] = chance.randrange(256)
    old = text.splitlines()
    words = {word for line in lines if line <= len(old) for word in _WORD.findall(old[line - 1])}
    return Broken("bytes", bytes(raw), frozenset(lines), frozenset(words))


KINDS: dict[str, Breaks] = {
    "misspelt key": _replaced(_KEY, lambda found, chance: found[1] + _slip(found[2], chance) + found[3]),
    "unknown key": _line(_unknown),
    "wrong type": _replaced(_VALUE, lambda found, chance: chance.choice(TYPES)),
    "extreme number": _replaced(_NUMBER, lambda found, chance: chance.choice(EXTREMES)),
    "number for a value": _replaced(_VALUE, lambda found, chance: chance.choice(EXTREMES)),
    "misspelt name": _replaced(_NAME, lambda found, chance: _slip(found[0], chance)),
    "name of nothing": _replaced(
        _NAME, lambda found, chance: chance.choice(("nothing_here", "Nope", "b*q", "/x(/", ".."))
    ),
    "deleted line": _line(_delete),
    "duplicated line": _line(_duplicate),
    "indentation": _line(_indent),
    "swapped lines": _line(_swap),
    "odd character": _line(_odd),
    "YAML feature": _line(_feature),
    "bracket or quote": _replaced(re.compile(r"[\[\]{}\"',:]"), _bracket),
    "very long": _line(_long),
    "truncated": _cut,
    "bytes": lambda lines, chance: None,
}
