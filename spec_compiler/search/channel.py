"""What two processes of a sweep say to each other: a JSON object a line, diagnostics as plain data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Diagnostics, Override

_LEFT_OUT = ("fixes", "related")  # of what has its place: fixes were tried, other places are notes
_TUPLES = ("path", "notes", "chars")
NAMES = [each.name for each in fields(Diagnostic) if each.name not in _LEFT_OUT]


def line(**what: Any) -> str:
    """What is said, on a line."""
    return json.dumps(what) + "\n"


def said(text: str) -> Any:
    """What a line says.

    Raises:
        ValueError: it is none, or half of one.
    """
    return json.loads(text)


def to_data(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """Located diagnostics as plain data."""
    return [{name: getattr(each, name) for name in NAMES} for each in diagnostics]


def from_data(rows: Sequence[Mapping[str, Any]]) -> Diagnostics:
    """The diagnostics that `to_data` was given."""
    return Diagnostics(_diagnostic(row) for row in rows)


def _diagnostic(row: Mapping[str, Any]) -> Diagnostic:
    plain: dict[str, Any] = {
        name: tuple(each) if name in _TUPLES and each is not None else each for name, each in row.items()
    }
    override = row["override"]
    return Diagnostic(**{**plain, "override": None if override is None else Override(*override)})
