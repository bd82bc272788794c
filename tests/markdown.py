"""The documents that a user reads, taken apart: their code blocks, and the commands that they name."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCUMENTS = (
    README,
    *(ROOT / each for each in ("CONTRIBUTING.md", "SECURITY.md", "docs/training.md", "docs/pictures.md")),
)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


def blocks(document: Path, language: str) -> list[str]:
    """The code blocks in a language, in order."""
    return [text for found, text in _BLOCK.findall(document.read_text(encoding="utf-8")) if found == language]


def sessions(document: Path) -> list[tuple[list[str], str]]:
    """The console blocks that show what a command prints: the commands, and what the last of them says."""
    found = []
    for block in blocks(document, "console"):
        lines = block.splitlines()
        said = [line for line in lines if not line.startswith("$ ")]
        if said:
            found.append(([line[2:] for line in lines if line.startswith("$ ")], "\n".join(said)))
    return found
