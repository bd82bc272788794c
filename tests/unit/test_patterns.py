"""finding_S10: patterns of strangers, each matched within a tenth of a second, and what they match."""

from __future__ import annotations

import contextlib
import fnmatch
import random
import time

import pytest

from spec_compiler.diagnostics import SpecError
from spec_compiler.diagnostics.near import near, num_slips
from spec_compiler.language.patterns import LONGEST, glob, regex
from spec_compiler.language.selectors import Selector
from tests.unit.forked import Forked

SECONDS = 0.1
LONG = "a" * 100_000


@pytest.mark.parametrize(
    "pattern",
    [
        "a?" * 60 + "a" * 60,
        "(a+)+$",
        "(a*)*b",
        "(a|a)*b",
        "(a|aa)+$",
        "(?:.*a){40}b",
        ".*" * 90 + "b",
        "(x+x+)+y",
        "([a-z]+)*\\d",
        "(((((.*)*)*)*)*)*b",
        "^(\\w+\\s?)*$",
        "a{1,1000}b",
        "(.{0,30}){0,30}b",
        "(" * 90 + "a" + ")*" * 40 + ")" * 50,
        "[^b]*[^b]*[^b]*[^b]*[^b]*b",
        "\\pL+\\PN*\\pL+b",
    ],
)
@pytest.mark.parametrize("name", ["a" * 60, LONG, LONG + "!", "ab" * 20_000])
def test_no_pattern_takes_long(pattern: str, name: str) -> None:
    start = time.perf_counter()
    with contextlib.suppress(SpecError):  # more memory than a pattern may have
        regex(pattern)(name)
    assert time.perf_counter() - start < SECONDS


@pytest.mark.parametrize("pattern", ["*a" * 60 + "b", "a*" * 99, "*?" * 90 + "b", "[ab]*" * 39 + "c", "*" * 200])
def test_no_glob_takes_long(pattern: str) -> None:
    start = time.perf_counter()
    glob(pattern)(LONG)
    assert time.perf_counter() - start < SECONDS


def test_globs_are_those_of_fnmatch() -> None:
    chance = random.Random(10)
    for _ in range(3000):
        pattern = "".join(chance.choice("ab*?[]!-^\\.z_&~|") for _ in range(chance.randint(1, 8)))
        name = "".join(chance.choice("ab[]!-^\\.z_c") for _ in range(chance.randint(0, 5)))
        assert glob(pattern)(name) == fnmatch.fnmatchcase(name, pattern), (pattern, name)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("block(", "missing )"),
        ("[", "missing ]"),
        ("a**", "bad repetition operator `**`"),
        ("(?=a)", "(?="),
        ("(a)\\1", "\\1"),
        ("(a{30}){30}{2}{9}", "bad repetition"),
        ("(.{0,30}){0,30}b", "too much memory"),
        ("\ud800", "half a character"),
        ("a" * (LONGEST + 1), "203 characters"),
    ],
)
def test_what_is_no_pattern_is_told(pattern: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        Selector.parse(f"/{pattern}/")
    (found,) = caught.value.diagnostics
    assert found.code == "SC104"
    assert said in found.message


def test_a_name_with_half_a_character_is_only_a_name() -> None:
    assert regex("a.b")("a\ud800b")
    assert not glob("a")("\ud800")


@pytest.mark.parametrize("text", ["[" + " " * 100_000 + "x", "layers" + " " * 100_000 + "x", "[" + "9" * 5000 + ":]"])
def test_long_selectors_are_read_once(text: str) -> None:
    start = time.perf_counter()
    try:
        term = Selector.parse(text).terms[0]
    except SpecError:
        pass
    else:
        assert term.form != "slice" or term.positions == (10**9, None)
    assert time.perf_counter() - start < SECONDS


def test_near_names_of_long_ones_and_of_many() -> None:
    start = time.perf_counter()
    assert near("ab" * 50_000, ["ba" * 50_000]) == []
    assert near("ab" * 50, [f"{'ba' * 49}{index}" for index in range(5000)]) is not None
    assert time.perf_counter() - start < 1.0


def test_slips_are_counted_to_the_limit() -> None:
    assert [num_slips("conv", other, 2) for other in ("conv", "ocnv", "con", "conv12", "pool")] == [0, 1, 1, 2, 3]


def test_re2_is_loaded_where_a_spec_has_a_pattern(commands: Forked) -> None:
    program = (
        "import sys; from spec_compiler import check_spec; "
        "check_spec({'spec': 1, 'cut_at': 'PATTERN'}, static=True); print('re2' in sys.modules)"
    )
    for pattern, loaded in (("block2_pool", "False"), ("block2_*", "True"), ("/pool/", "True")):
        assert commands.run(program.replace("PATTERN", pattern)).stdout == f"{loaded}\n"
