"""Fixes that are tried before they are offered: each is made in the spec, and only one with which it plans is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from spec_compiler.diagnostics import Fix, Path, SpecError
from spec_compiler.language.places import STEPS
from spec_compiler.spec import Spec, validate
from spec_compiler.text.source import Source

MOST_TRIES = 4  # a fix costs a plan, so an error waits for a few only


def mended(error: SpecError, spec: Spec, plan: Callable[[Spec], object]) -> SpecError:
    """The error, its fixes tried: those with which the spec plans stand in the help, the others are gone.

    `plan` plans another spec on the same base, or raises `SpecError`.
    """
    diagnostics = []
    works: dict[str, bool] = {}  # by its text: many layers that do not fit are often mended in one way
    for diagnostic in error.diagnostics:
        fixes = tuple(_placed(fix, spec) for fix in diagnostic.fixes)
        for fix in fixes:
            if fix.text not in works and len(works) < MOST_TRIES:
                works[fix.text] = _works(fix, spec, plan)
        working = tuple(fix for fix in fixes if works.get(fix.text))
        help = ",\nor ".join(fix.text for fix in working[:2]) or diagnostic.help
        diagnostics.append(replace(diagnostic, fixes=working, help=help))
    return SpecError(diagnostics)


def _placed(fix: Fix, spec: Spec) -> Fix:
    """The fix as the spec says its sections: what a spec of steps does not say yet becomes its last step."""
    if not spec.steps:
        return fix
    changes = []
    for path, value in fix.changes:
        place = spec.place(str(path[0])) if len(path) > 1 and isinstance(path[1], str) else path[:1]
        if place == path[:1] and place != (STEPS,):
            place = (STEPS, len(spec.steps), *path[:1])
        changes.append(((*place, *path[1:]), value))
    return replace(fix, changes=tuple(changes))


def _works(fix: Fix, spec: Spec, plan: Callable[[Spec], object]) -> bool:
    try:
        plan(changed(spec, fix))
    except SpecError:
        return False
    return True


def changed(spec: Spec, fix: Fix) -> Spec:
    """The spec with a fix made in it.

    Raises:
        SpecError: the fix does not even fit the spec's fields.
    """
    data: Any = spec.source.data
    for path, value in fix.changes:
        data = _assigned(data, path, value)
    return validate(Source(data, "", spec.source.file, is_confined=spec.source.is_confined))


def _assigned(data: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(first, int):
        items = data if isinstance(data, list | tuple) else [] if data is None else [data]  # one thing without its list
        items = list(items)
        items[first : first + 1] = [_assigned(items[first] if first < len(items) else None, rest, value)]
        return items
    if not isinstance(data, dict) and isinstance(data, str) and data == first:
        data = {data: {}}  # `Flatten` becomes `Flatten: {…}`
    elif data is not None and not isinstance(data, dict):
        return value if not rest else data  # `Dense: 10`, whose units are the scalar itself
    return {**(data or {}), first: _assigned((data or {}).get(first), rest, value)}
