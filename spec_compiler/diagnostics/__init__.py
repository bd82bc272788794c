"""What we say where a spec does not fit: diagnostics and their rules, with near names. Imports nothing else of ours."""

from __future__ import annotations

from spec_compiler.diagnostics.advice import Advice, write
from spec_compiler.diagnostics.diagnostic import (
    Diagnostic,
    Diagnostics,
    Fix,
    Override,
    Path,
    SpecError,
    collected,
    dotted,
    quoted,
    render,
    show,
    under,
)
from spec_compiler.diagnostics.near import did_you_mean, near
from spec_compiler.diagnostics.rules import RULES

__all__ = [
    "RULES",
    "Advice",
    "Diagnostic",
    "Diagnostics",
    "Fix",
    "Override",
    "Path",
    "SpecError",
    "collected",
    "did_you_mean",
    "dotted",
    "near",
    "quoted",
    "render",
    "show",
    "under",
    "write",
]
