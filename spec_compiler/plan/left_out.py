"""What edits of many layers left as it is, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spec_compiler.plan import Plan

_MOST_NAMES = 3


def left_lines(plan: Plan) -> Iterator[str]:
    """What an edit of many layers left as it is, layers with the same reason together."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for each in plan.after.left:
        reasons.setdefault((each.origin.place, each.reason), []).append(each.layer)
    for (section, reason), layers in reasons.items():
        count = f" ({len(layers)})" if len(layers) > 1 else ""
        yield f"Left by `{section}`: {_listed(layers)}{count}: {reason}."


def _listed(layers: Sequence[str]) -> str:
    return ", ".join(layers[:_MOST_NAMES]) + (" …" if len(layers) > _MOST_NAMES else "")
