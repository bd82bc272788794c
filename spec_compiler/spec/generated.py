"""Files that a program writes and the repository keeps: written anew, or compared."""

from __future__ import annotations

from pathlib import Path


def kept(file: Path, text: str, arguments: list[str]) -> int:
    """Writes a file, or with `--check` says whether it is stale; the exit status."""
    if "--check" in arguments:
        stale = not file.exists() or file.read_text(encoding="utf-8") != text
        print(f"{file.name} is {'stale: run `make schemas`' if stale else 'up to date'}")
        return int(stale)
    file.write_text(text, encoding="utf-8", newline="\n")
    return 0
