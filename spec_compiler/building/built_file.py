"""What a build gives beside the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Diagnostics
from spec_compiler.plan import Plan
from spec_compiler.plan.ledger import WeightLedger
from spec_compiler.plan.warnings import lint
from spec_compiler.result import bundle_of
from spec_compiler.spec import Spec

Beside = Callable[[Plan, WeightLedger], Mapping[str, bytes]]  # members of a `.keras` archive that are ours


def nothing(plan: Plan, ledger: WeightLedger) -> Mapping[str, bytes]:
    """No member."""
    return {}


@dataclass(frozen=True, repr=False)
class BuiltFile:
    """What a build gives beside the file: what the user wrote, what changed, and what became of every variable.

    `file_warnings` are as those of a `CompiledSpec`; `learned` is what LoRA holds, as the file of adapters has it.

    Attributes:
        spec: what the user wrote.
        plan: what changed.
        weights: what became of every variable.
        file_warnings: what is legal in the files but worth saying.
        learned: what LoRA holds, as the file of adapters has it.
    """

    spec: Spec
    plan: Plan
    weights: WeightLedger
    file_warnings: tuple[Diagnostic, ...] = ()
    learned: bytes | None = None

    def __repr__(self) -> str:
        return f"<BuiltFile {self.plan.name}: {self.weights.summary}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the plan, the ledger's totals and the warnings."""
        return bundle_of(self)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What is legal in the spec and its base but worth saying."""
        found = (*lint(self.spec, self.plan), *self.file_warnings)
        return Diagnostics(self.spec.source.locate(each) for each in found)
