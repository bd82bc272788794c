"""Patterns of names, `/regex/` and globs, matched in a time that grows with the name's length alone.

A spec may come from a stranger, and Python's own `re` takes longer than the universe lasts for some patterns of thirty
letters. RE2 matches in linear time by construction and within a bound of memory, for which it has no look-around and
no back-references. See https://github.com/google/re2/wiki/WhyRE2.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from spec_compiler.diagnostics import SpecError

Matches = Callable[[str], bool]

LONGEST = 200  # characters of a pattern
_MEMORY = 4 << 20  # of one pattern while it is matched
_LARGEST = 1_500  # instructions; what does not fit into the memory is run one by one, for each character of a name
_SYNTAX = "look-around and back-references are not part of it; `except` leaves layers out"


def regex(pattern: str) -> Matches:
    """Whether a regular expression is found anywhere in a name.

    Raises:
        SpecError: SC104 it is no regular expression of RE2, or one that needs too much memory.

    >>> [regex("^block[12]_")(name) for name in ("block1_conv1", "block3_conv1")]
    [True, False]
    """
    if len(pattern) > LONGEST:
        raise _too_long(f"/{pattern}/")
    re2 = _engine(f"/{pattern}/")
    try:
        program = _compiled(re2, pattern.encode())
    except UnicodeEncodeError:  # a lone surrogate, which JSON and `\ud800` in quotes can say
        raise SpecError.single("SC104", "a regular expression with half a character in it") from None
    except re2.error as error:
        raise _refused(pattern, error) from None
    if program.programsize > _LARGEST:
        raise _too_large(pattern)
    return _searching(program)


def glob(pattern: str) -> Matches:
    """Whether a whole name is as a pattern with `*`, `?` and `[…]` says.

    Raises:
        SpecError: SC104 it is too long.

    >>> [glob("block[!3]_*")(name) for name in ("block1_conv1", "block3_conv1", "a_block1_conv1")]
    [True, False, False]
    """
    if len(pattern) > LONGEST:
        raise _too_long(pattern)
    re2 = _engine(pattern)
    try:
        program = _compiled(re2, rf"\A(?s:{_translated(pattern)})\z".encode(errors="replace"))
    except re2.error:  # a class that is none, `[z-a]`: it holds no character
        return lambda name: False
    return _searching(program)


def _searching(program: Any) -> Matches:
    return lambda name: program.search(name.encode(errors="replace")) is not None


def _engine(pattern: str) -> Any:
    """RE2, loaded where a spec has a pattern: not all do."""
    try:
        import re2
    except ImportError:
        message = f"`{pattern[:60]}` is a pattern, which takes the package `google-re2`, and that is not installed"
        raise SpecError.single("SC104", message, help="`pip install google-re2`, or name the layers") from None
    return re2


def _compiled(re2: Any, pattern: bytes) -> Any:
    options = re2.Options()
    options.log_errors = False  # else to the standard error, beside our own message
    options.never_capture = True
    options.max_mem = _MEMORY
    program = re2.compile(pattern, options)
    re2.purge()  # it would keep the last 128 with all their memory
    return program


def _refused(pattern: str, error: Exception) -> SpecError:
    said = error.args[0] if error.args else ""
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    what, _, part = text.partition(": ")
    if "too large" in what:
        return _too_large(pattern)
    if part and part != pattern:
        what = f"{what} `{part}`"
    help = _SYNTAX if part.startswith(("(?", "\\")) and "repetition" not in what else None
    if part == "\\Z":
        help = "write `$`, or `\\z`"
    return SpecError.single("SC104", f"`/{pattern[:60]}/` is not a regular expression of RE2: {what}", help=help)


def _too_large(pattern: str) -> SpecError:
    message = f"`/{pattern[:60]}/` needs too much memory to match"
    return SpecError.single("SC104", message, help="write it with smaller counts")


def _too_long(pattern: str) -> SpecError:
    message = f"`{pattern[:60]}…` is a pattern of {len(pattern):,} characters, {LONGEST} are the most"
    return SpecError.single("SC104", message, help="several patterns stand in a list")


_PIECE = re.compile(r"(?P<class>\[(?P<not>!?)(?P<inside>\]?[^\]]*)\])|(?P<any>\*+)|(?P<one>\?)", re.DOTALL)


def _translated(pattern: str) -> str:
    """A glob, as `fnmatch` reads it, as a regular expression."""
    # not by `fnmatch.translate`, which writes look-ahead: RE2 has none
    expression, start = "", 0
    for piece in _PIECE.finditer(pattern):
        expression += re.escape(pattern[start : piece.start()])
        start = piece.end()
        if piece["any"]:
            expression += ".*"
        elif piece["one"]:
            expression += "."
        else:
            inside = re.sub(r"([\\\[\]^&~|])", r"\\\1", piece["inside"])
            # a class of nothing: RE2 has no other word for what never matches
            expression += f"[{'^' if piece['not'] else ''}{inside}]" if inside else "[^\\x00-\\x{10FFFF}]"
    return expression + re.escape(pattern[start:])
