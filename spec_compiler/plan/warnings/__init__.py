"""What is legal in a spec but surely not meant: each warning is a function, in a file of its name.

Here are the warnings that a spec and its plan show. What only an edit sees while it is applied (SC305, SC313)
comes with the graph; what only the files of the weights show (SC507, SC511) is told by those who open them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.plan import Plan
from spec_compiler.plan.warnings.biases_along_another_axis import biases_along_another_axis
from spec_compiler.plan.warnings.forgotten_freezing import forgotten_freezing
from spec_compiler.plan.warnings.frozen_everything import frozen_everything
from spec_compiler.plan.warnings.head_on_softmax import head_on_softmax
from spec_compiler.plan.warnings.idle_lora import idle_lora
from spec_compiler.plan.warnings.lambda_layers import lambda_layers
from spec_compiler.plan.warnings.large_dense import large_dense
from spec_compiler.plan.warnings.normalization_on_frozen import normalization_on_frozen
from spec_compiler.plan.warnings.plain_pixels import plain_pixels
from spec_compiler.plan.warnings.pointless_cut import pointless_cut
from spec_compiler.plan.warnings.pointless_freeze import pointless_freeze
from spec_compiler.plan.warnings.stale_paddings import stale_paddings
from spec_compiler.plan.warnings.unused_variables import unused_variables
from spec_compiler.spec import Spec

__all__ = ["OF_THE_PLAN", "OF_THE_SPEC", "lint"]

# In the order in which they are told. Written out, not looked up in the folder: that is fast, and typed.
OF_THE_SPEC: tuple[Callable[[Spec], Iterator[Diagnostic]], ...] = (unused_variables,)
OF_THE_PLAN: tuple[Callable[[Spec, Plan], Iterator[Diagnostic]], ...] = (
    head_on_softmax,
    frozen_everything,
    idle_lora,
    normalization_on_frozen,
    pointless_freeze,
    pointless_cut,
    large_dense,
    stale_paddings,
    biases_along_another_axis,
    lambda_layers,
    plain_pixels,
    forgotten_freezing,
)


def lint(spec: Spec, plan: Plan | None) -> tuple[Diagnostic, ...]:
    """The warnings, those of the edits first; without a plan those that the spec alone shows. Paths from the spec."""
    of_the_spec = (each for warning in OF_THE_SPEC for each in warning(spec))
    if plan is None:
        return tuple(of_the_spec)
    of_the_plan = (each for warning in OF_THE_PLAN for each in warning(spec, plan))
    return (*plan.after.warnings, *of_the_spec, *of_the_plan)
