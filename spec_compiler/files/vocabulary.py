"""A vocabulary in a text file, one term a line, as Keras's lookup layers take it; read here, and given as a list.

A list of names is a file of the same form.
"""

from __future__ import annotations

from spec_compiler.diagnostics import SpecError
from spec_compiler.files import Folder, gone
from spec_compiler.files.regular import Left

MAX_BYTES = 64 * 2**20
MAX_TABLE = 2**29  # bytes that NumPy's table takes, whose rows are all as wide as the longest term
_FORM = "is a text file in UTF-8 with one"


def read_vocabulary(name: str, folder: Folder, *, integers: bool = False) -> list[str] | list[int]:
    """The terms in a file that a spec names, in order, as `IntegerLookup` takes them where `integers` says so.

    Raises:
        SpecError: SC501 a file that is missing, SC502 one that is no vocabulary, SC510.
    """
    terms = _terms(name, folder, "vocabulary", "term")
    return _numbers(name, terms) if integers else terms


def read_names(name: str, folder: Folder) -> tuple[str, ...]:
    """The names in a file that a spec names, in order, each once.

    Raises:
        SpecError: SC501 a file that is missing, SC502 one that is no list of names, SC510.
    """
    names = _terms(name, folder, NAMES, "name")
    seen: dict[str, int] = {}
    for line, each in enumerate(names, start=1):
        if not each.strip():
            raise _refused(name, f"line {line} is empty", NAMES, "name")
        if seen.setdefault(each, line) != line:
            raise _refused(name, f"`{each[:40]}` is on line {seen[each]} and on line {line}", NAMES, "name")
    return tuple(names)


NAMES = "list of names"


def _terms(name: str, folder: Folder, what: str, each: str) -> list[str]:
    """The lines of a file, where `what` is what it should be, of one `each` a line."""
    path = folder.find(name, what)
    try:
        with folder.open(path) as stream:
            raw = stream.read(MAX_BYTES + 1)
    except Left:
        raise gone(name) from None
    except OSError as error:
        raise _refused(name, str(error.strerror or error), what, each) from None
    if len(raw) > MAX_BYTES:
        raise _refused(name, f"it is larger than {MAX_BYTES // 2**20} MB", what, each)
    if b"\0" in raw:
        raise _refused(name, "it is not text", what, each)
    try:
        text = raw.decode("utf-8-sig")  # editors on Windows begin a file with a mark, which is no part of a term
    except UnicodeDecodeError as error:
        line = raw.count(bytes([10]), 0, error.start) + 1
        raise _refused(name, f"line {line} is not UTF-8", what, each) from None
    terms = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []
    if not terms:
        raise _refused(name, "it is empty", what, each)
    if 4 * max(map(len, terms)) * len(terms) > MAX_TABLE:
        longest = max(map(len, terms))
        raise _refused(name, f"one of its {len(terms):,} {each}s has {longest:,} letters", what, each)
    return terms


def _numbers(name: str, terms: list[str]) -> list[int]:
    numbers: list[int] = []
    for line, term in enumerate(terms, start=1):
        try:
            numbers.append(int(term))
        except ValueError:
            raise _refused(name, f"line {line} is no integer, `{term[:20]}`") from None
        if not -(2**63) <= numbers[-1] < 2**63:
            raise _refused(name, f"line {line} is larger than 64 bits, `{term[:20]}`")
    return numbers


def _refused(name: str, reason: str, what: str = "vocabulary", each: str = "term") -> SpecError:
    message = f"`{name}` cannot be read as a {what}: {reason}"
    return SpecError.single("SC502", message, help=f"a {what} {_FORM} {each} a line")
