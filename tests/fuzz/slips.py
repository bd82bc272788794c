"""One-letter slips in valid specs, mended by `check --fix`: how many check again, and what of each is left as it was.

`python -m tests.fuzz.slips --count 500 --seed 0 --graphs` prints the share, and every slip that stays.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import string
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from spec_compiler.compiler import checked
from spec_compiler.diagnostics import Diagnostic
from spec_compiler.diagnostics.text_lines import offset
from spec_compiler.spec.fixing import Fixed, fixed
from spec_compiler.spec.others import Tier
from spec_compiler.spec.permissions import EVERYTHING
from spec_compiler.text.source import Span
from spec_compiler.text.yaml_text import parse_source
from tests.fuzz.valid_specs import prepare

WORD = set(string.ascii_letters)


class Slip(NamedTuple):
    """A valid text, the same with one slip in it, the stretch of the valid one that was hit, and how it is mended."""

    right: str
    wrong: str
    start: int
    end: int
    fixed: Fixed
    errors: tuple[Diagnostic, ...]

    @property
    def slipped(self) -> str:
        """What the slip made of what stood there."""
        return self.wrong[self.start : self.end + len(self.wrong) - len(self.right)]

    @property
    def word(self) -> str:
        """What stood there, and what the slip made of it."""
        return f"{self.right[self.start : self.end]} → {self.slipped}"

    @property
    def outcome(self) -> str:
        """`mended`, `two names` where two are equally near, `offered` where one is not written, else `unknown`."""
        if not self.fixed.errors:
            return "mended"
        helps = [each.help or "" for each in self.errors]
        if any(" or `" in help for help in helps if help.startswith("did you mean")):
            return "two names"
        return "offered" if any(help.startswith("did you mean") for help in helps) else "unknown"


def slips(count: int, seed: int, folder: Path, *, graphs: bool = False) -> Iterator[Slip]:
    """Slips in keys, classes, arguments, words and names of layers that make a spec wrong, and what becomes of them.

    With `graphs` Keras is asked for those of all bases first, so that names of their layers are slips as well.
    """
    chance = random.Random(seed)
    specs = prepare(folder)
    file = str(folder / "spec.yaml")
    made = 0

    def check(text: str) -> tuple[Tier, tuple[Diagnostic, ...]]:
        return checked(text, EVERYTHING, static=True, file=file)

    if graphs:
        os.environ["SPEC_COMPILER_CACHE"] = str(folder / "graphs")  # not those that were made without Keras
        for each in (each for each in specs if each.name != "made"):
            checked(each.text, EVERYTHING, file=file)

    while made < count:
        right = chance.choice(specs).text
        spans = list(words(right))
        if not spans:
            continue
        start, end = chance.choice(spans)
        word = right[start:end]
        slipped = slip(word, chance)
        wrong = right[:start] + slipped + right[end:]
        errors = tuple(each for each in check(wrong)[1] if each.severity == "error")
        if slipped == word or not errors:  # another valid word, a name of a new layer
            continue
        made += 1
        yield Slip(right, wrong, start, end, fixed(wrong, file, check), errors)


def words(text: str) -> Iterator[tuple[int, int]]:
    """The words of a text that are keys, or that stand in values."""
    source = parse_source(text)
    inner = {path[:-1] for path in source.values}
    for spans in (source.keys, source.values):
        for path, span in spans.items():
            if path[:1] in (("vars",), ("description",), ("name",)) or not isinstance(span, Span):
                continue
            if span.line != span.end_line or path[-1:] == ("file",) or path[-1:] == ("weights",):
                continue
            start, end = offset(text, span.line, span.column), offset(text, span.line, span.end_column)
            if spans is source.keys or path not in inner:
                yield from ((start + at.start(), start + at.end()) for at in _WORD.finditer(text[start:end]))


_WORD = re.compile(r"\b(?!null|true|false)[A-Za-z_][A-Za-z0-9_]{2,}")


def slip(word: str, chance: random.Random) -> str:
    """A word with one letter too many, too few, another one, or two that changed places; digits stay."""
    places = [at for at, letter in enumerate(word) if letter in WORD]
    at = chance.choice(places)
    match chance.randrange(4):
        case 0:
            return word[:at] + word[at + 1 :]
        case 1:
            return word[:at] + chance.choice(string.ascii_lowercase) + word[at:]
        case 2 if word[at + 1 : at + 2] in WORD:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + chance.choice(string.ascii_lowercase) + word[at + 1 :]


def main() -> None:
    """Prints what became of each slip that was not mended, and the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--graphs", action="store_true", help="ask Keras for the graphs of all bases first")
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        os.environ["SPEC_COMPILER_CACHE"] = os.path.join(name, "cache")
        for each in slips(given.count, given.seed, Path(name), graphs=given.graphs):
            outcome = each.outcome
            counts[outcome] += 1
            counts["mended as it was"] += each.fixed.text == each.right
            if outcome != "mended":
                left = each.fixed.errors[0]
                line = each.wrong[each.wrong.rfind("\n", 0, each.start) + 1 :].partition("\n")[0].strip()
                print(f"{outcome}: {each.word} in `{line[:110]}`; {left.code} {left.message}: {left.help}")
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()))
    sys.exit(counts["mended"] < 0.9 * given.count)


if __name__ == "__main__":
    main()
