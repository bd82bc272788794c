"""What is known of a spec without Keras, by what Keras said before."""

from __future__ import annotations

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
