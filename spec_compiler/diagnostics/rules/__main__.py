"""`python -m spec_compiler.diagnostics.rules` writes the page of the rules, `--check` says whether it is stale."""

from __future__ import annotations

import sys
from pathlib import Path

from spec_compiler.diagnostics.rules.pages import reference

PAGE = Path(__file__).parents[3] / "docs" / "rules.md"


def main(arguments: list[str]) -> int:
    """Writes the page, or compares it; the exit status."""
    text = reference()
    if "--check" in arguments:
        stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text
        print(f"{PAGE.name} is {'stale: run `make schemas`' if stale else 'up to date'}")
        return int(stale)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
