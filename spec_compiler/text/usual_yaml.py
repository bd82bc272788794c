"""The YAML that specs are usually written in -> events, as ruamel.yaml reads it, in a tenth of the time.

`check --static` is to feel like a linter, and a long spec takes ruamel.yaml as long as all else together. So what is
usual is read here: mappings, lists, brackets and braces, plain and quoted texts on one line, comments. Where a text has
anything else in it, a mistake above all, nothing of it is read here, and ruamel.yaml decides what it is. The tests read
thousands of texts in both ways.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from spec_compiler.text.events import Event, Kind, Mark

MOST_INSIDE = 50  # of each other; with what is read here no spec is near its limits (`yaml_errors`)
MOST_EVENTS = 20_000
LONGEST = 1_000  # of a scalar; ruamel looks little further for the colon behind a key

_UNUSUAL = re.compile(r"[\t\r]|^(?:---|\.\.\.|%)", re.MULTILINE)
_FIRST = r"(?:[^\s\-?:,\[\]{}#&*!|>'\"%@`]|-(?=[\w.]))"  # letter of a plain text
_QUOTED = r"'(?P<single>[^'\n]*)'(?!')|\"(?P<double>[^\"\\\n]*)\""
_BLOCK = re.compile(rf"(?P<plain>{_FIRST}(?:[^\s:#]|:(?=\S)|(?<=\S)#| +(?=[^\s#:]|:\S))*)|{_QUOTED}")
_FLOW = re.compile(rf"(?P<plain>{_FIRST}(?:[^\s:#,?\[\]{{}}'\"`]|:(?=[\w/.])| +(?=[^\s:#,?\[\]{{}}'\"`]))*)|{_QUOTED}")
_SPACES = re.compile(" *")
_REST = re.compile(r" *(?:(?<= )#[^\n]*)?(?:\n|\Z)")  # of a line that says no more
_BLANK = re.compile(r"(?: *(?:#[^\n]*)?\n)* *(?:#[^\n]*)?")
_BETWEEN = re.compile(r"(?:[ \n]|(?<=[ \n])#[^\n]*)*")  # two things in brackets

_WORDS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?(e-?[0-9]{1,2})?")
_NO_NUMBER = re.compile(r"[^-+.0-9]|.*[^-+._0-9a-fA-FxoXOiInN:]")  # so a plain text, if it is no word
UNUSUAL: Any = object()


class _Unusual(Exception):
    """Something that is not read here."""


class _Open(NamedTuple):
    """A list or mapping that stands in lines of its own, and the column of its entries."""

    column: int
    is_list: bool


def usual_events(text: str) -> list[Event] | None:
    """The events of a text, that of the document aside; None where it is not all of the usual kind.

    >>> [event.value or event.kind for event in usual_events("cut_at: [pool]") or ()]
    ['mapping', 'cut_at', 'sequence', 'pool', 'end', 'end']
    """
    if _UNUSUAL.search(text):
        return None
    try:
        return _Reader(text).read()
    except _Unusual:
        return None


def usual_value(text: str) -> Any:
    """What a plain scalar says; `UNUSUAL` where that takes all rules of YAML.

    >>> usual_value("0.5"), usual_value("..pool"), usual_value("no"), usual_value("0x1F") is UNUSUAL
    (0.5, '..pool', 'no', True)
    """
    if text in _WORDS:
        return _WORDS[text]
    if number := _NUMBER.fullmatch(text):
        return float(text) if number[1] or number[2] else int(text)
    return text if _NO_NUMBER.match(text) else UNUSUAL


class _Reader:
    """Reads a text from above; `at` is how far, in the line that begins at `begin`."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.line, self.begin = text, 0, 0, 0
        self.events: list[Event] = []
        self.open: list[_Open] = []

    def read(self) -> list[Event]:
        """The events of the text.

        Raises:
            _Unusual: there is something that is not read here.
        """
        waits = True  # for the value of the last key or dash, and at first for the mapping that all is
        while self._skip(_BLANK) and self.at < len(self.text):
            waits = self._line(waits)
        if waits:
            raise _Unusual
        self._end(self._mark(), (-1, False))
        return self.events

    def _line(self, waits: bool) -> bool:
        """Reads a line from its first letter on; whether the value of its last key or dash is still to come."""
        while self.text.startswith(("- ", "-\n"), self.at):
            self._entry(self._mark(), True, waits)
            self.at += 1
            if self._skip(_REST):
                return True
            self._skip(_SPACES)
            waits = True
        start = self._mark()
        if self._value(_BLOCK):
            key = self.events.pop()
            self._entry(start, False, waits)
            self.events.append(key)
            self.at += 1
            if self._skip(_REST):
                return True
            self._skip(_SPACES)
            self._value(_BLOCK)
        elif not waits or not self.open or start.column <= self.open[-1].column:
            raise _Unusual
        if not self._skip(_REST):
            raise _Unusual
        return False

    def _entry(self, start: Mark, is_list: bool, waits: bool) -> None:
        """Goes to the list or mapping that an entry is of, which begins here where a value is waited for."""
        column = start.column
        if not waits:
            self._end(start, (column, is_list))
            if not self.open or self.open[-1] != (column, is_list):
                raise _Unusual
            return
        around = self.open[-1] if self.open else _Open(-1, True)
        beside_key = is_list and not around.is_list and column == around.column
        if (column <= around.column and not beside_key) or len(self.open) > MOST_INSIDE:
            raise _Unusual
        end = Mark(start.offset + 1, start.line, column + 1) if beside_key else start
        self.events.append(Event("sequence" if is_list else "mapping", start, end))
        self.open.append(_Open(column, is_list))

    def _end(self, mark: Mark, entry: tuple[int, bool]) -> None:
        """Ends at a mark all that an entry, of a list or of a mapping, is behind by its column."""
        while self.open and entry < self.open[-1]:
            self.events.append(Event("end", mark, mark))
            self.open.pop()

    def _value(self, pattern: re.Pattern[str], depth: int = 0) -> bool:
        """Reads a scalar of this form, or all that stands in brackets; whether it is a key, a colon being behind it."""
        if self.text.startswith(("[", "{"), self.at):
            self._brackets(depth + 1)
            return False
        found = pattern.match(self.text, self.at)
        if found is None or len(found[0]) > LONGEST or len(self.events) > MOST_EVENTS:
            raise _Unusual
        start = self._mark()
        self.at = found.end()
        is_text = found.lastgroup != "plain"
        style = found[0][0] if is_text else None
        self.events.append(Event("scalar", start, self._mark(), found[found.lastgroup or 0], style, is_text))
        return self.text.startswith((": ", ":\n"), self.at)

    def _brackets(self, depth: int) -> None:
        """Reads a list in brackets or a mapping in braces."""
        if depth > MOST_INSIDE:
            raise _Unusual
        is_list = self.text.startswith("[", self.at)
        closing = "]" if is_list else "}"
        self._bracket("sequence" if is_list else "mapping")
        self._skip(_BETWEEN)
        while not self.text.startswith(closing, self.at):
            start = self._mark()
            is_pair = self._value(_FLOW, depth)
            if is_pair:
                if is_list:  # `[a: 1]` is `[{a: 1}]`
                    self.events.insert(-1, Event("mapping", start, start, in_brackets=True))
                self.at += 1
                self._skip(_BETWEEN)
                self._value(_FLOW, depth)
            elif not is_list:
                raise _Unusual
            self._skip(_BETWEEN)
            if is_pair and is_list:
                self.events.append(Event("end", self._mark(), self._mark()))
            if self.text.startswith(",", self.at):
                self.at += 1
                self._skip(_BETWEEN)
            elif not self.text.startswith(closing, self.at):
                raise _Unusual
        self._bracket("end")

    def _bracket(self, kind: Kind) -> None:
        start = self._mark()
        self.at += 1
        self.events.append(Event(kind, start, self._mark(), in_brackets=kind != "end"))

    def _mark(self) -> Mark:
        return Mark(self.at, self.line, self.at - self.begin)

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        """Goes on behind what a pattern matches here, if it does."""
        found = pattern.match(self.text, self.at)
        if found is None:
            return False
        breaks = self.text.count("\n", self.at, found.end())
        if breaks:
            self.line += breaks
            self.begin = self.text.rindex("\n", self.at, found.end()) + 1
        self.at = found.end()
        return True
