"""What is said of groups and of variables whose channels leave or come."""

from __future__ import annotations

import numpy as np

from spec_compiler.channels.atoms import Array, LayerPath
from spec_compiler.channels.group import Group
from spec_compiler.channels.groups import Channels, Counts

SHOWN = 3  # names or ranges in a row, before it is said how many more there are


def described(group: Group) -> str:
    """A group in one line: how many channels, who makes and reads them, and what holds for them."""
    parts = [f"{len(group.channels)} {group.unit}", f"made by {_listed(group.makers)}"]
    if group.whole:
        parts[0] += f" of several each: {next(iter(group.whole.values())).text}"
    if group.readers:
        parts.append(f"read by {_listed(group.readers)}")
    parts.append(f"in {len(group.variables)} variable{'s' if len(group.variables) != 1 else ''}")
    for what, found in (("pinned", group.pinned), ("inexact", group.mixed), ("not to be widened", group.unwidenable)):
        if found:
            count = "" if len(found) == len(group.channels) else f"{len(found)} "
            parts.append(f"{count}{what}: {next(iter(found.values())).text}")
    return "; ".join(parts)


def divided(channels: Channels, key: tuple[LayerPath, int], rank: int, counts: Counts) -> str | None:
    """What becomes of a variable of a rank, axis by axis; None where it stays as it is.

    `columns 0:32 of 64 kept`, `columns repeated: 64 of 48`, `rows 0:32 of 64 kept, axis 2 …`.
    """
    said = []
    for use in sorted(channels.uses_of(key), key=lambda use: use.axis):
        many, size = channels.counts_along(use, counts), len(use.line)
        if (many == 1).all():
            continue
        what = _axis(use.axis, rank)
        if (many == 0).any():
            said.append(f"{what} {_ranges(np.flatnonzero(many))} of {size} kept")
        if (many > 1).any():
            shared = ", divided by their number" if use.role == "takes" else ""
            said.append(f"{what} {_ranges(np.flatnonzero(many > 1))} of {size} repeated{shared}")
    return ", ".join(said) or None


def _axis(axis: int, rank: int) -> str:
    """An axis by its name in a matrix, else by its number."""
    if rank == 1:
        return "entries"
    return ("rows", "columns")[axis] if rank == 2 else f"axis {axis}:"


def _ranges(indices: Array) -> str:
    """Indices as slices, a few of them: `0:32`, `0, 4:7`, `1, 3, 5 and 29 more`."""
    if not len(indices):
        return "none"
    runs = np.split(indices, np.flatnonzero(np.diff(indices) != 1) + 1)
    texts = [f"{run[0]}:{run[-1] + 1}" if len(run) > 1 else f"{run[0]}" for run in runs[:SHOWN]]
    more = sum(map(len, runs[SHOWN:]))
    return ", ".join(texts) + (f" and {more} more" if more else "")


def _listed(paths: tuple[LayerPath, ...]) -> str:
    names = [f"`{'/'.join(path)}`" for path in paths[:SHOWN]]
    return ", ".join(names) + (f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else "")
