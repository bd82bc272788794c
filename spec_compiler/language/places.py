"""Where the sections that edit stand in a spec: each under its key, or in the list of `steps`."""

from __future__ import annotations

from spec_compiler.diagnostics import Path

STEPS = "steps"


def in_section(path: Path) -> Path:
    """The path from its section on, wherever that stands; an only step may stand without its list.

    >>> in_section(("steps", 2, "head", 0)), in_section(("steps", "head", 0)), in_section(("head", 0))
    (('head', 0), ('head', 0), ('head', 0))
    """
    return path[len(_around(path)) :]


def section_place(path: Path) -> Path:
    """The part of a path that leads to its section.

    >>> section_place(("steps", 2, "head", 0)), section_place(("head", 0))
    (('steps', 2, 'head'), ('head',))
    """
    return path[: len(_around(path)) + 1]


def _around(path: Path) -> Path:
    if path[:1] != (STEPS,):
        return ()
    return path[: 2 if len(path) > 1 and isinstance(path[1], int) else 1]
