"""The end of a run: the model that it kept, on what tests it, or else on what validated it."""

from __future__ import annotations

import os
from typing import Any, Literal, NamedTuple

from spec_compiler.evaluation.evaluation import Evaluation
from spec_compiler.evaluation.evaluator import of_part, on_part
from spec_compiler.evaluation.opened import opened_by_spec
from spec_compiler.files.run_folder import BEST, LAST
from spec_compiler.spec import Spec
from spec_compiler.spec.permissions import Permissions


class PartToEvaluate(NamedTuple):
    """A part of a run's data and what it is called."""

    name: Literal["test", "validation"]
    loaded: Any


def part_to_evaluate(data: Any) -> PartToEvaluate | None:
    """What tests the model, or else what validates it; None where that is there once only, as a generator is."""
    from spec_compiler.backend.training.parts import Part  # imports Keras

    name: Literal["test", "validation"] = "test"
    loaded = data.test
    if loaded is None and data.validation is not None:
        name, loaded = "validation", data.parts.get("validation") or Part(data.validation)
    if loaded is None or hasattr(loaded.batches, "__next__"):
        return None
    return PartToEvaluate(name, loaded)


def evaluate_run(folder: str, spec: Spec, part: PartToEvaluate, allowed: Permissions) -> Evaluation:
    """What the model that a run kept says of a part of its data.

    Raises:
        SpecError: SC502, SC606, SC609.
    """
    name = next((each for each in (BEST, LAST) if os.path.isfile(os.path.join(folder, each))), LAST)
    opened = opened_by_spec(os.path.join(folder, name), spec, allowed)
    return on_part(opened, *of_part(opened, part.loaded), f"data.{part.name}")
