"""Diagnostics in each of the formats that `check --format` knows, other than text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from spec_compiler.cli.report_parts import full_text, notes_of, relative
from spec_compiler.diagnostics import RULES, Diagnostic

REPORT_FORMATS = ("text", "json", "sarif", "github")
FORMAT_VERSION = 1


def report(
    diagnostics: Sequence[Diagnostic],
    format: str,
    checked: str,
    tiers: Mapping[str, str],
    fixed: Sequence[Mapping[str, Any]] | None = None,
) -> str:
    """The diagnostics as JSON, SARIF 2.1.0 or GitHub's workflow commands.

    `checked` says what was checked, `tiers` how far each spec was: to its `fields`, `names`, `shapes` or `files`;
    `fixed`, in JSON, what `--fix` mended.
    """
    if format == "sarif":
        from spec_compiler.cli.sarif import sarif  # the other formats start sooner without it

        return json.dumps(sarif(diagnostics), indent=2)
    if format == "github":
        return "\n".join(github(each) for each in diagnostics)
    rows = [diagnostic_json(each) for each in diagnostics]
    data = {"format_version": FORMAT_VERSION, "checked": checked, "tiers": dict(tiers), "diagnostics": rows}
    return json.dumps(data if fixed is None else {**data, "fixed": list(fixed)}, indent=2)


def diagnostic_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as plain data; lines and columns count from 1, `end_column` is exclusive."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "path": list(diagnostic.path),
        "file": relative(diagnostic.file),
        "line": diagnostic.line,
        "column": diagnostic.column,
        "end_column": diagnostic.end_column,
        "notes": list(notes_of(diagnostic)),
        "help": diagnostic.help,
    }


def github(diagnostic: Diagnostic) -> str:
    """A workflow command, which GitHub shows at the line: `::error file=…,line=…::message`."""
    places: dict[str, Any] = {
        "file": relative(diagnostic.file),
        "line": diagnostic.line,
        "col": diagnostic.column,
        "endColumn": diagnostic.end_column,
        "title": f"{diagnostic.code}: {RULES[diagnostic.code].title}",
    }
    properties = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in places.items() if value is not None)
    return f"::{diagnostic.severity} {properties}::{_escaped(full_text(diagnostic))}"


def _escaped(text: str, more: str = "") -> str:
    """As GitHub's own toolkit escapes the data of a workflow command, and `more` in its properties."""
    for letter in "%\r\n" + more:  # `%` first: what stands for the others begins with it
        text = text.replace(letter, f"%{ord(letter):02X}")
    return text
