"""Whether a folder can be made and written, known before any work is done for it."""

from __future__ import annotations

import os

from spec_compiler.diagnostics import SpecError


def check_writable(folder: str, what: str, code: str) -> None:
    """Proves that a folder can be made where there is none, and written; `what` needs it, as a message says it.

    Raises:
        SpecError: of the given code.
    """
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise SpecError.single(code, f"`{folder}` is a file, {what} needs a folder", help="name another folder")
    existing = os.path.abspath(folder)
    while not os.path.exists(existing):
        existing = os.path.dirname(existing)
    if not os.path.isdir(existing):
        message = f"`{folder}` cannot be made, `{os.path.relpath(existing)}` is a file"
        raise SpecError.single(code, message, help="name another folder")
    if not os.access(existing, os.W_OK):
        raise SpecError.single(code, f"the folder `{folder}` cannot be written")
