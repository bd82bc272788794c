"""Diagnostics as SARIF 2.1.0 (OASIS), which code scanners and editors read."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from spec_compiler.cli.report_parts import full_text, relative
from spec_compiler.diagnostics import RULES, Diagnostic, dotted
from spec_compiler.diagnostics.rules.pages import explanation

SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    """A SARIF 2.1.0 log of one run, with the rules that it speaks of."""
    codes = sorted({each.code for each in diagnostics})
    driver = {
        "name": "spec-compiler",
        "version": importlib.metadata.version("spec-compiler"),
        "informationUri": "https://pypi.org/project/spec-compiler/",
        "rules": [_sarif_rule(code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(each, codes.index(each.code)) for each in diagnostics],
    }
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _sarif_rule(code: str) -> dict[str, Any]:
    rule = RULES[code]
    return {
        "id": code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": " ".join(explanation(code).text.split())},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"tags": [rule.family]},
    }


def _sarif_result(diagnostic: Diagnostic, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": diagnostic.severity,
        "message": {"text": full_text(diagnostic)},
    }
    file = relative(diagnostic.file)
    if file is not None:
        # A URI, in which a space or a `%` of the file's name would mean something else.
        place: dict[str, Any] = {"artifactLocation": {"uri": quote(file)}}
        if diagnostic.line is not None:
            region = {"startLine": diagnostic.line, "startColumn": diagnostic.column or 1}
            if diagnostic.end_column is not None:
                region["endColumn"] = diagnostic.end_column
            place["region"] = region
        result["locations"] = [{"physicalLocation": place}]
        if diagnostic.path:
            result["locations"][0]["logicalLocations"] = [{"fullyQualifiedName": dotted(diagnostic.path)}]
    return result
