"""A text made to say other data: each value that differs is written at its place, all around it stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from spec_compiler.diagnostics import Path
from spec_compiler.diagnostics.advice import Add, Remove, Write
from spec_compiler.text.changed_data import NotWritten, Step
from spec_compiler.text.source import key_text
from spec_compiler.text.yaml_edits import edited
from spec_compiler.text.yaml_text import parse_source


def rewritten(text: str, meant: Any) -> str:
    """The text with what differs from `meant` written in it, comments and style kept.

    Raises:
        NotWritten: there is no way to write it that says just that.

    >>> rewritten("vars: {units: 8}  # few\\nsweep: {trials: 3}\\n", {"vars": {"units": 16}})
    'vars: {units: 16}  # few\\n'
    """
    for step in [*_steps(parse_source(text).data, meant, ())]:
        text = edited(text, step)
    if parse_source(text).data != meant:
        raise NotWritten("the text would say something else")
    return text


def plainly(data: dict[Any, Any]) -> str:
    """Data as a text of its own, a section a line."""
    return "".join(f"{key_text(key)}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in data.items())


def _steps(before: Any, after: Any, path: Path) -> Iterator[Step]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            here = (*path, key_text(key))
            if key in after:
                yield from _steps(value, after[key], here)
            else:
                yield Step(here, Remove(comments=True))
        yield from (Step(path, Add(key_text(key), value)) for key, value in after.items() if key not in before)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _steps(old, new, (*path, index))
    elif type(before) is not type(after) or before != after:
        yield Step(path, Write(after))
