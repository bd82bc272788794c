"""RE2 in the page: what `spec_compiler.language.patterns` takes of `google-re2`, on RE2JS.

RE2JS is a port of RE2 to JavaScript, whose time is linear as well. See https://github.com/le0pard/re2js.
"""

from __future__ import annotations

from typing import Any

from _re2js import RE2JS


class error(Exception):
    """A pattern that RE2 refuses."""


class Options:
    """What a pattern is compiled with; nothing of it is for RE2JS to know."""

    log_errors = True
    never_capture = False
    max_mem = 8 << 20


class Program:
    """A compiled pattern."""

    def __init__(self, pattern: Any) -> None:
        self._pattern = pattern
        self.programsize = int(pattern.programSize())

    def search(self, text: bytes) -> bool | None:
        """True where the pattern is found in UTF-8 text, None where not."""
        return True if self._pattern.matcher(text.decode(errors="replace")).find() else None


def compile(pattern: bytes, options: Options) -> Program:
    """A pattern in UTF-8, compiled."""
    from pyodide.ffi import JsException

    try:
        return Program(RE2JS.compile(pattern.decode()))
    except JsException as refused:
        what, part = str(getattr(refused, "error", refused)), getattr(refused, "input", None) or ""
        raise error(_said(what, str(part)).encode()) from None


# What RE2JS says, after the RE2 of Go, in the words of the RE2 that Python has.
_WORDS = {
    "invalid nested repetition operator": "bad repetition operator",
    "invalid or unsupported Perl syntax": "invalid perl operator",
    "invalid repeat count": "invalid repetition size",
    "missing argument to repetition operator": "no argument for repetition operator",
    "missing closing )": "missing )",
    "missing closing ]": "missing ]",
    "trailing backslash at end of expression": "trailing \\",
    "expression too large": "pattern too large - compile failed",
}


def _said(what: str, part: str) -> str:
    if what == "invalid named capture":
        is_look_behind = part.startswith(("(?<=", "(?<!"))
        return f"invalid perl operator: {part[:4]}" if is_look_behind else f"invalid named capture group: {part}"
    what = _WORDS.get(what, what)
    return f"{what}: {part}" if part else what


def purge() -> None:
    """Nothing: no pattern is kept."""
