"""What can be said of a spec without Keras: by its text, and by what Keras said before of its base and its calls."""

from __future__ import annotations

from typing import Literal

from spec_compiler.editing import apply_edits, opened_for
from spec_compiler.known_bases import known_base
from spec_compiler.known_calls import inferred
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec
from spec_compiler.training.check import check_training

Tier = Literal["fields", "names", "shapes", "files"]
"""How far a check went; each step has those before it.

`fields`: YAML, sections, values, layers' arguments. `names`: what every name in the spec means, and the graph that the
edits make. `shapes`: that every layer fits. `files`: that the weights are there and fit.
"""


def static_plan(spec: Spec) -> tuple[Tier, Plan | None]:
    """How far a spec can be followed without Keras, and its plan where that is all the way to the shapes.

    Raises:
        SpecError: the first section that does not fit; located.
    """
    known = known_base(spec)
    if known is None:
        return "fields", None
    graph, key = known
    with spec.source.locating():
        before = opened_for(spec, graph)
        after = inferred(apply_edits(spec, before), before, key)
        if after is None:
            return "names", None
        check_training(spec, after)
        return "shapes", Plan(after.name, before, after)
