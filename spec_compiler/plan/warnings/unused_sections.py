"""SC312: sections about training in a spec that does not train."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.spec import Spec


def unused_sections(spec: Spec) -> Iterator[Diagnostic]:
    """One warning for each section, at its key."""
    for section in ("data", "compile"):
        if getattr(spec, section) is not None and not spec.train:
            help = "add `train: [{phase: main, epochs: 5}]`, which `spec-compiler train` runs, or remove it"
            message = f"nothing uses `{section}`, this spec has no `train`"
            yield Diagnostic("SC312", message, (section,), at_key=True, help=help)
