"""The documents that a user reads, taken apart: their code blocks, and what they may name."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
GUIDE = ROOT / "docs" / "guide.md"
IN_PYTHON = ROOT / "docs" / "in-python.md"
PAGES = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "benchmarks" / "RESULTS.md")
DOCUMENTS = tuple(each for each in PAGES if each.name != "CHANGELOG.md")  # which names what was
_FENCE = re.compile(r" *(?:`{3,}|~{3,})(.*)")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


def blocks(document: Path, language: str) -> list[str]:
    """The code blocks in a language, in order."""
    return [text for found, text in _BLOCK.findall(document.read_text(encoding="utf-8")) if found == language]


def all_blocks(document: Path) -> list[tuple[str, str]]:
    """All code blocks, in order: the language of each, and its text."""
    return _BLOCK.findall(document.read_text(encoding="utf-8"))


def sessions(document: Path) -> list[tuple[list[str], str]]:
    """The console blocks that show what a command prints: the commands, and what the last of them says."""
    found = []
    for block in blocks(document, "console"):
        lines = block.splitlines()
        said = [line for line in lines if not line.startswith("$ ")]
        if said:
            found.append(([line[2:] for line in lines if line.startswith("$ ")], "\n".join(said)))
    return found


def fences(document: Path) -> list[tuple[int, str, str]]:
    """Every code block, however it is fenced: the number of its first line, its language, and that line."""
    found, inside = [], False
    lines = document.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if fence := _FENCE.match(line):
            inside = not inside
            if inside:
                found.append((number + 1, fence[1].strip(), lines[number]))
    return found


def targets() -> set[str]:
    """What `make` can make."""
    found = re.findall(r"^([a-z][a-z -]*):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    return {name for names in found for name in names.split()}
