"""Checking a sweep before its first trial: every point that `points` names, first without Keras, then with it."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence

from spec_compiler.compiler import checked
from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.search.channel import from_data
from spec_compiler.search.events import Event
from spec_compiler.search.points import told_of_points
from spec_compiler.search.processes import Answer, Process
from spec_compiler.spec import Spec
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.swept import Point, at_point
from spec_compiler.training.measure import Measure
from spec_compiler.training.sources import check_data


def check_statically(spec: Spec, allowed: Permissions, points: Sequence[Point], tell: Callable[[Event], None]) -> None:
    """What can be known without Keras, of the spec with its own values and at each point.

    Raises:
        SpecError: whatever is wrong.
    """
    check_data(spec, None)
    found: dict[int, tuple[Diagnostic, ...]] = {}
    for index, point in enumerate(points):
        tell(Event("checking", index, len(points)))
        try:
            at = at_point(spec, point, allowed)
        except SpecError as error:
            found[index] = error.diagnostics
            continue
        errors = [each for each in checked(at, allowed, static=True).diagnostics if _is_error(each)]
        if errors:
            found[index] = tuple(errors)
    if found:
        raise SpecError(told_of_points(found, points))


def check_with_keras(
    process: Process, answers: queue.Queue[Answer], points: Sequence[Point], tell: Callable[[Event], None]
) -> tuple[str, Measure]:
    """The result's name and what trials go by, once Keras has looked at every point; the process then trains.

    Raises:
        SpecError: whatever is wrong at a point.
    """
    process.checks = True
    process.ask(do="check", points=[dict(each) for each in points])
    while process.checks:
        _, answer = answers.get()
        if answer is None:
            raise RuntimeError(f"the checks: {process.ended_by()}; it said:\n{process.last_words()}")
        if answer["is"] == "checking":
            tell(Event("checking", answer["done"], len(points)))
        elif answer["is"] == "broken":
            raise RuntimeError(answer["text"])
        else:
            process.checks = False
            found = answer["found"]
            if answer["is"] == "failed":
                raise SpecError(from_data(found))
            if found:
                raise SpecError(told_of_points({index: from_data(each) for index, each in found}, points))
            made = answer["name"], Measure(answer["metric"], answer["direction"])
    return made


def _is_error(diagnostic: Diagnostic) -> bool:
    return diagnostic.severity == "error"
