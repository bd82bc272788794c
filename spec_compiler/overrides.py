"""`--set path=value`: values of a spec replaced before it is validated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.source import Source
from spec_compiler.yaml_text import parse_source


def overridden(source: Source, assignments: Iterable[str]) -> Source:
    """The source with values replaced by `path=value` texts, as `--set base.weights=null` gives them.

    The value is YAML. A list index stands in brackets or between dots: `insert[0].after=block1_pool`.

    Raises:
        SpecError: SC109 where the text is not `path=value` or the path leads nowhere.
    """
    data = source.data
    values = dict(source.values)
    for text in assignments:
        place, equals, raw = text.partition("=")
        path = tuple(_path_parts(place.strip()))
        if not equals or not path:
            raise SpecError.single(
                "SC109", f"`--set {text}` is not `path=value`", help="for example `--set base.weights=null`"
            )
        try:
            value = parse_source(raw).data if raw.strip() not in ("", "null", "~") else None
        except SpecError as error:
            raise SpecError.single("SC109", f"`--set {text}`: the value is not YAML", notes=(str(error),)) from None
        data = _assigned(data, path, value, text)
        for known in [each for each in values if each[: len(path)] == path]:
            del values[known]
    return replace(source, data=data, values=values)


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


def _path_parts(place: str) -> Iterator[str | int]:
    for part in place.replace("[", ".").replace("]", "").split("."):
        if part:
            yield int(part) if part.isdigit() else part
