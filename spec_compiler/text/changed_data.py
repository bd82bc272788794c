"""What a change makes of a spec's data, and where in the data it stands: in `vars`, if a variable brings the value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from spec_compiler.diagnostics import Path
from spec_compiler.diagnostics.advice import Add, Change, Remove, Rename, Space, Wrap, Write
from spec_compiler.text.variables import USE
from spec_compiler.text.yaml_text import parse_source

UP = ".."  # in the path of a change: the mapping or list around


class NotWritten(ValueError):
    """A change that is not made, as it is not plain what the text would have to say."""


class Step(NamedTuple):
    """A change of what stands at a path: the value or, with `at_key`, the key there; with `chars` a part of a text."""

    path: Path
    change: Change
    at_key: bool = False
    chars: tuple[int, int] | None = None

    @property
    def is_of_the_key(self) -> bool:
        """Whether what stands at the key is changed, whatever its value is: a variable or an alias stays one."""
        return self.at_key or isinstance(self.change, Rename | Remove | Space | Wrap)

    def at(self, path: Path) -> Step:
        """The same change of what stands elsewhere."""
        return self._replace(path=path)


def place_of(data: Any, step: Step) -> Path:
    """Where in a spec's data, before its variables are filled in, a step stands.

    Where a list may hold one entry without its bracket, there is no index.

    Raises:
        NotWritten: the place is made of variables and other text.

    >>> place_of({"vars": {"size": 3}, "set": {"to": "${size}"}}, Step(("set", 0, "to"), Write(4)))
    ('vars', 'size')
    """
    variables = data.get("vars") if isinstance(data, dict) else None
    found: Path = ()
    here, rest, hops = data, list(step.path), 0
    while True:
        use = USE.fullmatch(here) if isinstance(here, str) else None
        if use is not None and isinstance(variables, dict) and use[1] in variables and hops < 100:
            here, found, hops = variables[use[1]], ("vars", use[1]), hops + 1
            continue
        if not rest:
            return found
        part = rest.pop(0)
        if isinstance(here, dict):
            key = next((key for key in here if _text(key) == part), None)
            if key is None and part == 0:
                continue
            found = (*found, part)
            if key is None:
                return (*found, *rest)
            here = here[key] if rest or not step.is_of_the_key else None
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here, found = here[part] if rest or not step.is_of_the_key else None, (*found, part)
        elif part != 0 or isinstance(here, list):
            return (*found, part, *rest)


def changed(data: Any, step: Step) -> Any:
    """The data as the step means it, every key in its order.

    Raises:
        NotWritten: the step does not fit the data.

    >>> changed({"head": [{"Dens": 10}]}, Step(("head", 0, "Dens"), Write("Dense"), at_key=True))
    {'head': [{'Dense': 10}]}
    """
    path, change = step.path, step.change
    match change:
        case Write(value) if not step.at_key:
            return _at(data, path, lambda old: _written(old, value, step.chars), value)
        case Write(str(key)) | Rename(key):
            return _entries(data, path, lambda old, value: [(key, value)])
        case Remove() if path and isinstance(path[-1], int):
            index = path[-1]
            return _at(data, path[:-1], lambda old: [*old[:index], *old[index + 1 :]])
        case Remove():
            return _entries(data, path, lambda old, value: [])
        case Space():
            return _entries(data, path, _spaced)
        case Add(key, value, _, first):
            return _at(data, path, lambda old: _added(old, key, value, first))
        case Wrap(key):
            return _at(data, path, lambda old: {key: old})
    raise NotWritten("no change of data")


def _at(data: Any, path: Path, change: Callable[[Any], Any], missing: Any = None) -> Any:
    """The data with what a path leads to changed; `missing` is put where a mapping has no such key."""
    if not path:
        return change(data)
    first, rest = path[0], path[1:]
    if isinstance(data, list) and isinstance(first, int) and first < len(data):
        return [*data[:first], _at(data[first], rest, change, missing), *data[first + 1 :]]
    key = next((key for key in data if _text(key) == first), None) if isinstance(data, dict) else None
    if isinstance(data, dict) and key is None and not rest and missing is not None:
        return {**data, first: missing}
    if key is None or not isinstance(data, dict):
        if not rest and missing is not None and isinstance(first, str) and isinstance(data, bool | int | float):
            return missing  # `Dense: 10`, whose units are the scalar itself
        raise NotWritten("there is no such place")
    return {each: _at(value, rest, change, missing) if each == key else value for each, value in data.items()}


def _entries(data: Any, path: Path, change: Callable[[Any, Any], list[tuple[Any, Any]]]) -> Any:
    """The data with the key that a path ends with, and its value, changed to other entries of the same mapping."""

    def within(mapping: Any) -> Any:
        key = next((key for key in mapping if _text(key) == path[-1]), None) if isinstance(mapping, dict) else None
        if not isinstance(mapping, dict) or key is None:
            raise NotWritten("there is no such key")
        pairs = [
            pair
            for each, value in mapping.items()
            for pair in (change(each, value) if each == key else [(each, value)])
        ]
        if len(dict(pairs)) < len(pairs):
            raise NotWritten("there is such a key already")
        return dict(pairs)

    if not path:
        raise NotWritten("there is no key")
    return _at(data, path[:-1], within)


def _written(old: Any, value: Any, chars: tuple[int, int] | None) -> Any:
    uses = [use.span() for use in USE.finditer(old)] if isinstance(old, str) else []
    if chars is None:
        if uses:
            raise NotWritten("a variable is a part of the text")
        if isinstance(old, dict) and isinstance(value, str):
            raise NotWritten("a part of it is meant")
        return value
    start, end = chars
    if not isinstance(old, str) or not 0 <= start < end <= len(old):
        raise NotWritten("the text is another")
    if any(first < end and not first + 2 <= start <= end <= last - 1 for first, last in uses):
        raise NotWritten("a variable is a part of the text")
    return old[:start] + str(value) + old[end:]


def _added(old: Any, key: str, value: Any, first: bool) -> Any:
    if isinstance(old, str) and old:
        return {old: {key: value}}  # `Dense` alone
    if (old is not None and not isinstance(old, dict)) or key in (old or {}):
        raise NotWritten("there is no mapping that lacks the key")
    return {key: value, **(old or {})} if first else {**(old or {}), key: value}


def _spaced(key: Any, value: Any) -> list[tuple[Any, Any]]:
    name, colon, text = str(key).partition(":")
    if value is not None or not colon or not text:
        raise NotWritten("there is a value already")
    return [(name, parse_source(text).data)]


def _text(key: Any) -> str:
    """A key as paths have it."""
    return "null" if key is None else str(key).lower() if isinstance(key, bool) else str(key)
