"""Memory and Keras give the same plan, of random models and specs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spec_compiler import Diagnostic, Plan, SpecError, check_spec, load_spec, plan_spec
from spec_compiler.spec import Spec
from tests.backend.random_models import draw_model
from tests.backend.test_random import drawn
from tests.backend.test_static_plan import assert_same_plan, followed
from tests.random_specs import specs

SPECS_OF_A_MODEL = 5


def planned(spec: Spec) -> tuple[Plan | None, tuple[Diagnostic, ...]]:
    """What Keras makes of a spec, which is loaded here and so is asked."""
    try:
        return plan_spec(spec), ()
    except SpecError as error:
        return None, error.diagnostics


@drawn(12)
@given(st.data())
def test_memory_and_keras_give_the_same_plan(data: Any) -> None:
    """What is remembered of a base and of calls makes the plan that Keras made, or says what Keras said, or less."""
    model = draw_model(data.draw)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        model.save(file)
        for _ in range(SPECS_OF_A_MODEL):
            sections = data.draw(specs([layer.name for layer in model.layers]))
            spec = load_or_none({**sections, "base": {"file": str(file)}})
            if spec is None:
                continue
            plan, refused = planned(spec)
            if plan is not None:
                tier, known = followed(spec)
                assert tier == "shapes"
                assert_same_plan(known, plan)
                assert check_spec(spec, static=True) == check_spec(spec)
            else:
                assert said_without_keras(spec) in (refused, None)


def load_or_none(data: Any) -> Spec | None:
    try:
        return load_spec(data)
    except SpecError:
        return None


def said_without_keras(spec: Spec) -> tuple[Diagnostic, ...] | None:
    """The mistake that is found without Keras, None where it takes Keras to find one."""
    try:
        tier, plan = followed(spec)
    except SpecError as error:
        return error.diagnostics
    assert (tier, plan) == ("names", None)
    return None
