"""`vars`: values with a name, and `${name}` in their place anywhere in a spec."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, did_you_mean, quoted, show
from spec_compiler.text.source import Assignment, Source, texts_in
from spec_compiler.text.yaml_text import MAX_NODES

MOST_PROBLEMS = 10  # that are told: each is compared with every variable
USE = re.compile(r"\$\{([^{}]*)\}")  # of a variable


def substituted(source: Source) -> Source:
    """The source with every `${name}` replaced by the variable's value, and without its `vars` section.

    A text that is nothing but `${name}` becomes the value itself, a number or a list included; inside a longer text
    the value's text stands. A variable may use those above it.

    Raises:
        SpecError: SC110 an unknown variable, SC103 a section that is no mapping of scalars and lists.
    """
    data = source.data
    if not isinstance(data, dict):
        return source
    raw = data.get("vars")
    if raw is not None and not isinstance(raw, dict):
        raise source.located(SpecError.single("SC103", f"`vars` must be a mapping, got {show(raw)}", path=("vars",)))
    values: dict[str, Any] = {}
    problems: list[Diagnostic] = []
    room = [MAX_NODES]
    for name, value in (raw or {}).items():
        if isinstance(value, Mapping):
            message = f"a variable is a value or a list, got {show(value)}"
            problems.append(Diagnostic("SC103", message, ("vars", str(name))))
        values[str(name)] = _filled(value, values, ("vars", str(name)), problems, room)
    rest: dict[Any, Any] = {}
    for key, value in data.items():
        if key != "vars" and room[0] >= 0:
            rest[key] = _filled(value, values, (str(key),), problems, room)
    if room[0] < 0:
        message = f"its variables expand to more than {MAX_NODES:,} values"
        problems.append(Diagnostic("SC005", message, ("vars",), at_key=True))
    if problems:
        raise source.located(SpecError(problems))
    used = {use[1] for text in texts_in(data) for use in USE.finditer(text)}
    unused = tuple(name for name in values if name not in used)
    return replace(source, data=rest, unused=unused, assigned=_assigned_through(source))


def _assigned_through(source: Source) -> dict[Path, Assignment]:
    """What `--set` put where, with the places that use a variable which it set, or one that uses that."""
    assigned = dict(source.assigned)
    if not any(path[0] == "vars" for path in assigned):
        return assigned
    todo: list[tuple[Path, Any]] = [((str(key),), value) for key, value in source.data.items() if key != "vars"]
    todo += [(("vars", str(name)), value) for name, value in reversed((source.data.get("vars") or {}).items())]
    while todo:  # variables first, from above
        path, here = todo.pop()
        if isinstance(here, dict | list):
            pairs = here.items() if isinstance(here, dict) else enumerate(here)
            todo += [((*path, key if isinstance(here, list) else str(key)), below) for key, below in pairs]
        elif isinstance(here, str) and path not in assigned:
            set_there = (assigned.get(("vars", use[1])) for use in USE.finditer(here))
            assignment = next(filter(None, set_there), None)
            if assignment is not None:
                assigned[path] = assignment._replace(plain=assignment.plain and USE.fullmatch(here) is not None)
    return assigned


def _filled(value: Any, values: Mapping[str, Any], path: Path, problems: list[Diagnostic], room: list[int]) -> Any:
    """The value with its variables filled in; `room` is how many values (or eighty letters) there may still be."""
    if room[0] < 0:
        return None
    if isinstance(value, dict):
        return {key: _filled(each, values, (*path, str(key)), problems, room) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, values, (*path, index), problems, room) for index, each in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value
    if "in." in value and all(use[1] not in values for use in USE.finditer(value)):
        return value
    for use in USE.finditer(value):
        if use[1] not in values:
            if len(problems) >= MOST_PROBLEMS:
                return value
            otherwise = f"its variables are {quoted(values)}" if values else "add a `vars:` section"
            help = did_you_mean(use[1], values, otherwise)
            message = f"there is no variable `{use[1]}`"
            problems.append(Diagnostic("SC110", message, path, chars=use.span(1), help=help))
            return value
        room[0] -= _size(values[use[1]])
    if room[0] < 0:
        return None
    if whole := USE.fullmatch(value):
        return values[whole[1]]
    return USE.sub(lambda use: _text(values[use[1]]), value)


def _size(value: Any) -> int:
    """How many values there are in one; text counts by its length. What was filled in before is within the limit."""
    if isinstance(value, dict | list):
        return 1 + sum(map(_size, value.values() if isinstance(value, dict) else value))
    return 1 + len(value) // 80 if isinstance(value, str) else 1


def _text(value: Any) -> str:
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)
