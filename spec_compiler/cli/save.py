"""Texts and bytes that the commands write."""

from __future__ import annotations

from pathlib import Path

from spec_compiler.files.outputs import together


def save_text(text: str, path: str, force: bool) -> None:
    """Saves a text whole or not at all."""
    save_bytes(text.encode(), path, force)  # its line breaks stay `\n` on every system


def save_bytes(content: bytes, path: str, force: bool) -> None:
    """Saves bytes whole or not at all."""
    with together((path,), force) as (temporary,):
        Path(temporary).write_bytes(content)
