"""`--set path=value`: values of a spec replaced before it is validated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.text.source import Assignment, Place, Source, placed
from spec_compiler.text.yaml_text import parse_source


def overridden(source: Source, assignments: Iterable[str]) -> Source:
    """The source with values replaced by `path=value` texts, as `--set base.weights=null` gives them.

    The value is YAML. A list index stands in brackets or between dots: `insert[0].after=block1_pool`.

    Raises:
        SpecError: SC109 where the text is not `path=value` or the path leads nowhere.
    """
    data = source.data
    values, assigned, moved = source.values, dict(source.assigned), dict(source.moved)
    for text in assignments:
        place, equals, raw = text.partition("=")
        parts = list(_PART.finditer(place.strip()))
        path: Path = tuple(int(part[0]) if part[0].isdecimal() and len(part[0]) < 10 else part[0] for part in parts)
        if not equals or not path:
            message = f"`--set {text}` is not `path=value`"
            raise SpecError.single("SC109", message, help="for example `--set base.weights=null`")
        try:
            # These three are an empty document to `parse_source`, which refuses one.
            value = parse_source(raw).data if raw.strip() not in ("", "null", "~") else None
        except SpecError as error:
            raise SpecError.single("SC109", f"`--set {text}`: the value is not YAML", notes=(str(error),)) from None
        num_there = _num_there(data, path)  # what leads to the rest is not in the text, this override makes it
        data = _assigned(data, path, value, text)
        values = {place: span for place, span in values.items() if place[: len(path)] != path}
        assigned = {place: known for place, known in assigned.items() if place[: len(path)] != path}
        assigned.update(_assignments(text, path, parts, num_there, value))
        moved = {place: known for place, known in moved.items() if place[: len(path)] != path}
        if placed(path, moved) != Place(path):  # in what another file brings
            moved[path] = Place(path)
    return replace(source, data=data, values=values, assigned=assigned, moved=moved)


_PART = re.compile(r"[^.\[\]\s]+")


def _assigned(data: Any, path: Path, value: Any, text: str) -> Any:
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(data, dict):
        return {**data, first: _assigned(data.get(first), rest, value, text)}
    if isinstance(data, list) and isinstance(first, int) and first < len(data):
        return [*data[:first], _assigned(data[first], rest, value, text), *data[first + 1 :]]
    if data is None and isinstance(first, str):
        return {first: _assigned(None, rest, value, text)}
    raise SpecError.single("SC109", f"`--set {text}`: the spec has no place `{first}` there")


def _num_there(data: Any, path: Path) -> int:
    """How many parts of a path lead to something that is there."""
    for index, part in enumerate(path):
        if isinstance(data, list):
            data = data[part] if isinstance(part, int) and part < len(data) else None
        else:
            data = data.get(part) if isinstance(data, dict) else None
        if data is None:  # `vars:` with nothing behind it is as good as not there
            return index
    return len(path)


def _assignments(
    text: str, path: Path, parts: list[re.Match[str]], num_there: int, value: Any
) -> Iterator[tuple[Path, Assignment]]:
    """What an override put where: its value at the end of its path, and a mapping where there was none before that."""
    indent = len(text) - len(text.lstrip())
    spans = [(part.start() + indent, part.end() + indent) for part in parts]
    for length in range(num_there + 1, len(path)):
        yield path[:length], Assignment(text, spans[length - 1], spans[length - 1])
    raw = text.partition("=")[2]
    start = len(text) - len(raw.lstrip())
    yield path, Assignment(text, spans[-1], (start, start + len(raw.strip())), plain=value == raw.strip())
