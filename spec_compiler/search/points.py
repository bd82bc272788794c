"""Which points of a sweep are checked before the first trial, so that none fails in the middle of a night."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.spec.sweep import Sweep
from spec_compiler.spec.swept import Point, point_text

MOST = 64  # points that are checked


def points_to_check(sweep: Sweep, seed: int = 0) -> tuple[Point, ...]:
    """Every combination of the values that are listed and of the ends and the middle of ranges.

    Where these are more than `MOST`: each value once at least, with others drawn beside it, and drawn points up to
    that many.

    >>> from spec_compiler.spec.sweep import Sweep
    >>> points = points_to_check(Sweep(vars={"units": [8, 16], "rate": {"uniform": [0, 1]}}, trials=3))
    >>> len(points), points[1]
    (6, {'units': 8, 'rate': 0.5})
    """
    tried = {name: values.tried() for name, values in sweep.vars.items()}
    if math.prod(map(len, tried.values())) <= MOST:
        return tuple(dict(zip(tried, values, strict=True)) for values in itertools.product(*tried.values()))
    draw = random.Random(f"{seed}/sweep")  # noqa: S311 - the same points each time
    columns = {name: draw.sample(values, len(values)) for name, values in tried.items()}
    found: dict[str, Point] = {}
    for index in range(max(map(len, columns.values()))):
        _add(found, {name: values[index % len(values)] for name, values in columns.items()})
    while len(found) < MOST:  # there are more than that
        _add(found, {name: draw.choice(values) for name, values in columns.items()})
    return tuple(found.values())


def _add(found: dict[str, Point], point: Point) -> None:
    found.setdefault(flow(point), point)


def told_of_points(found: Mapping[int, Sequence[Diagnostic]], points: Sequence[Point]) -> tuple[Diagnostic, ...]:
    """What is wrong at points, by their positions: each mistake once, with the first point that has it in a note."""
    at: dict[Diagnostic, list[int]] = {}
    for index, diagnostics in sorted(found.items()):
        for each in diagnostics:
            at.setdefault(each, []).append(index)
    return tuple(_told(each, indices, points) for each, indices in at.items())


def _told(diagnostic: Diagnostic, indices: Sequence[int], points: Sequence[Point]) -> Diagnostic:
    first = point_text(points[indices[0]])
    alike = {
        name: value for name, value in points[indices[0]].items() if all(points[i][name] == value for i in indices)
    }
    note = f"with {first}, a point of `sweep`"
    if len(indices) > 1:
        note += f", and at {len(indices) - 1} more of {len(points)}"
        note += f": all with {point_text(alike)}" if 0 < len(alike) < len(points[0]) else ""
    return replace(diagnostic, notes=(*diagnostic.notes, note))
