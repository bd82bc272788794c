"""A spec with `sweep` and its variables: whether the one fits the other, and what the spec is at a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.spec import Spec, validate
from spec_compiler.spec.permissions import Permissions, permitted
from spec_compiler.spec.swept_variables import SECTION
from spec_compiler.text.blocks import expanded
from spec_compiler.text.source import Place

Point = Mapping[str, Any]  # values of the variables that a sweep varies, by name


def at_point(spec: Spec, point: Point, allowed: Permissions) -> Spec:
    """The spec as it is with other values of its variables, and without `sweep`; the policy is the same.

    Mistakes are told where a value is used, and of what is inside of one where `sweep` lists it.

    Raises:
        SpecError: as `load_spec`.
        TypeError: the spec was not loaded from what has variables.
    """
    unfilled = spec.source.unfilled
    if unfilled is None:
        raise TypeError("the variables of this spec are gone, make it with `load_spec`")
    data = {key: value for key, value in unfilled.data.items() if key != SECTION}
    data["vars"] = {**data["vars"], **point}
    assigned = {path: each for path, each in unfilled.assigned.items() if path[:2] not in {("vars", n) for n in point}}
    moved = {path: each for path, each in unfilled.moved.items() if path[:2] not in {("vars", n) for n in point}}
    moved |= {("vars", name): _listed_at(spec, name, value) for name, value in point.items()}
    source = replace(unfilled, data=data, assigned=assigned, moved=moved, is_confined=not allowed.paths)
    made = validate(permitted(expanded(source), allowed))
    return made.kept_by(spec.policy) if spec.policy is not None else made


def point_text(point: Point) -> str:
    """A point in words.

    >>> point_text({"units": 128, "rate": 0.0003123456})
    'units 128, rate 0.000312346'
    """
    return ", ".join(f"{name} {value_text(value)}" for name, value in point.items())


def value_text(value: Any) -> str:
    """A value of a point in words."""
    return f"{value:.6g}" if isinstance(value, float) else value if isinstance(value, str) else flow(value)


def _listed_at(spec: Spec, name: str, value: Any) -> Place:
    values = spec.sweep.vars[name] if spec.sweep is not None else None
    path = (SECTION, "vars", name)
    if values is not None and values.kind is None and value in values.choices:
        return Place((*path, values.choices.index(value)))
    return Place(path)
