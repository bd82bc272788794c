"""Groups of channels in words: how many there were and are, who makes them and who reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spec_compiler.graph.group_change import GroupChange

_MOST_NAMES = 3


def row(group: GroupChange) -> tuple[str, str, str, str]:
    """How many there were and are, who makes them, who reads them, what else is to be known.

    >>> from spec_compiler.graph.layer_spec import BASE
    >>> row(GroupChange(("stem", "conv"), ("last",), 64, 32, "chosen by l1", "", 7, BASE))
    ('64 → 32', 'stem, conv', 'read by last', '7 variables, chosen by l1')
    """
    read = f"read by {_listed(group.readers)}" if group.readers else "read by none"
    inexact = f"; inexact: {group.inexact}" if group.inexact else ""
    counts = f"{group.before} → {group.after}"
    return counts, _listed(group.makers), read, f"{group.num_variables} variables, {group.chosen}{inexact}"


def to_json(group: GroupChange) -> dict[str, Any]:
    """It as plain data."""
    said = {key: getattr(group, key) for key in ("before", "after", "chosen", "inexact", "num_variables")}
    names = {"makers": list(group.makers), "readers": list(group.readers)}
    return {**names, **said, "section": group.origin.section, "path": list(group.origin.path)}


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
