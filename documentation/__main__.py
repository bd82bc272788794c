"""`python -m documentation` says all that is wrong with the pages, a line each; `make docs` begins with it."""

from __future__ import annotations

import sys

from documentation.complete import left_out, stale, untested
from documentation.pages import Pages
from documentation.whole import broken_links, dead_ends, unreached

CHECKS = (stale, left_out, untested, broken_links, unreached, dead_ends)


def main(pages: Pages | None = None) -> int:
    """The exit status: 1 where anything is wrong."""
    problems = [problem for check in CHECKS for problem in check(pages or Pages())]
    print(*problems, sep="\n", end="\n" if problems else "")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
