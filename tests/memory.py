"""What is known of a spec without Keras, by what Keras said before."""

from __future__ import annotations

from pathlib import Path

from spec_compiler import load_spec, plan_spec
from spec_compiler.memory.answers import Memory
from spec_compiler.plan import Plan
from spec_compiler.planning import planned
from spec_compiler.spec import Spec
from spec_compiler.spec.others import Tier
from spec_compiler.spec.permissions import Permissions


def static_plan(spec: Spec, allowed: Permissions) -> tuple[Tier, Plan | None]:
    """How far a spec can be followed without Keras, and its plan where that is all the way to the shapes."""
    result = planned(spec, Memory(), allowed)
    return result.tier, result.plan


def assert_planned_without_keras(path: Path) -> None:
    """Proves that a spec in a file, planned by Keras once, has the same plan by memory alone."""
    plan = plan_spec(path)
    tier, known = static_plan(load_spec(path), Permissions())
    assert tier == "shapes"
    assert known is not None
    assert known == plan
    assert known.to_json() == plan.to_json()
