"""`python -m spec_compiler.diagnostics.rules` writes the pages of the rules, `--check` says which are stale."""

from __future__ import annotations

import sys
from pathlib import Path

from spec_compiler.diagnostics.rules.pages import reference

DOCS = Path(__file__).parents[3] / "docs"


def main(arguments: list[str]) -> int:
    """Writes the pages, or compares them; the exit status."""
    stale = False
    for name, text in reference().items():
        page = DOCS / name
        if "--check" in arguments:
            is_stale = not page.exists() or page.read_text(encoding="utf-8") != text
            print(f"{page.name} is {'stale: run `make schemas`' if is_stale else 'up to date'}")
            stale |= is_stale
        else:
            page.parent.mkdir(exist_ok=True)
            page.write_text(text, encoding="utf-8", newline="\n")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
