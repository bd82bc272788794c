"""RE2JS in the page and RE2 here: the same patterns are found in the same names, and refused in the same words."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
import re2

from tests.playground.conftest import NODE

NAMES = [
    "block1_conv1", "block2_conv2", "conv2_block10_out", "activation_12", "dense", "été", "名前", "a/b", "a.b",
    "x" * 80, "Block1", "", "b1\nb2", "😀",
]  # fmt: skip
GOOD = [
    "^block[12]_", "conv", "conv$", r"\d+", r"_\w$", "(?i)BLOCK", "a|b|c", "[^a-z]",
    r"\Ax+\z", "x{80}", "x{81}", ".", "^.$", "(a)(b)?",
    "[[:alpha:]]+_", r"\pL", r"\p{Han}",
    "é", ".*?_", "(?:conv|dense)", "(?s).2", "(?m)^b2$", r"\bconv", r"\x{1F600}", "[a-c[:digit:]]",
]  # fmt: skip
BAD = [
    "a*(", "[a", "(a", "*a", "a**", "(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", r"\Z", "\\", "a)", "[z-a]", "a{1001}",
    "(?P<n",
    r"\1", r"\pX", "(?P=n)", "[[:foo:]]", "a{2}{3}", "a{2,1}",
    "((a{100}){100})", "(?z)a", r"[\8]", "a++", "(?>a)", r"\x{110000}",
]  # fmt: skip


def here(pattern: str) -> str | list[bool]:
    options = re2.Options()
    options.log_errors = False
    try:
        program = re2.compile(pattern.encode(), options)
    except re2.error as error:
        return str(error.args[0].decode())
    return [program.search(name.encode()) is not None for name in NAMES]


@pytest.mark.slow
@pytest.mark.skipif(not NODE.exists() or shutil.which("node") is None, reason="no `make try` here: it needs npm")
def test_they_say_the_same() -> None:
    draw = random.Random(5)
    pieces = ["a", "b", "_", r"\d", "[a-e]", "(a|b)", "x", "conv", ".", "^", "$", "[^_]"]
    drawn = [
        "".join(draw.choice(pieces) + draw.choice(["", "", "*", "+", "?", "{2}"]) for _ in range(4)) for _ in range(200)
    ]
    patterns = [*GOOD, *BAD, *(each for each in drawn if "^" not in each[1:])]
    script = Path(__file__).with_name("re2.mjs")
    asked = json.dumps([[pattern, NAMES] for pattern in patterns])
    done = subprocess.run(["node", str(script)], input=asked, capture_output=True, text=True, check=True, timeout=120)
    there = dict(zip(patterns, json.loads(done.stdout), strict=True))
    assert there == {pattern: here(pattern) for pattern in patterns}
    assert all(isinstance(there[each], list) for each in GOOD)
    assert all(isinstance(there[each], str) for each in BAD)
