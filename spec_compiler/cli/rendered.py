"""Diagnostics as text for a terminal. It stands apart from `show`, which loads the plan: a check has none to show."""

from __future__ import annotations

from collections.abc import Sequence

from spec_compiler.cli.terminal import Shown, block, joined, style
from spec_compiler.diagnostics import Diagnostic, render


def render_all(diagnostics: Sequence[Diagnostic]) -> Shown:
    """Diagnostics one below the other, the first line of each in colour, with a count at the end."""
    blocks: list[Shown] = []
    for each in diagnostics:
        first, _, rest = render(each).partition("\n")
        head = style(first, fg="red" if each.severity == "error" else "yellow", bold=True)
        blocks.append(joined([head, block(rest)]) if rest else head)
    errors = sum(each.severity == "error" for each in diagnostics)
    if errors > 1:
        blocks.append(style(f"{errors} errors", bold=True))
    return joined(blocks, "\n\n")
