"""What every format of a report says alike: files as one names them, and what a diagnostic adds to its message."""

from __future__ import annotations

import os

from spec_compiler.diagnostics import Diagnostic


def relative(file: str | None) -> str | None:
    """A file as the reports name it: from the folder that the command runs in, with `/`, where it is below that."""
    if file is None:
        return None
    near = os.path.relpath(file)
    return (file if near.startswith("..") else near).replace(os.sep, "/")


def full_text(diagnostic: Diagnostic) -> str:
    """A diagnostic's message, notes and help, one below the other."""
    help = [f"help: {diagnostic.help}"] if diagnostic.help else []
    return "\n".join([diagnostic.message, *notes_of(diagnostic), *help])


def notes_of(diagnostic: Diagnostic) -> tuple[str, ...]:
    """A diagnostic's notes, and the override that set what it speaks of: no line of the file does."""
    if diagnostic.override is None:
        return diagnostic.notes
    return (*diagnostic.notes, f"set by `--set {diagnostic.override.text}`")
