"""What a sweep gives: its trials, the best of them, and where the files are."""

from __future__ import annotations

from dataclasses import dataclass

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.search.notebook import table_html
from spec_compiler.search.trial import Trial
from spec_compiler.training.measure import Measure


@dataclass(frozen=True, repr=False)
class SweptSpec:
    """The result of a sweep: every trial, the best of them, and the folder with the files.

    Attributes:
        folder: where everything is.
        name: of the spec's result.
        metric: by what trials are compared.
        variables: which variables were tried.
        trials: all of them.
        best: the best; None where none has finished.
        best_spec: the file of the best point as a spec.
        files: what was written beside it.
        broken: which metrics that `expect` or a policy promises were not reached.
    """

    folder: str
    name: str
    metric: Measure
    variables: tuple[str, ...]
    trials: tuple[Trial, ...]
    best: Trial | None
    best_spec: str | None
    files: tuple[str, ...]
    broken: tuple[Diagnostic, ...] = ()

    def __repr__(self) -> str:
        best = f", best {self.metric.name} {self.best.value:.4g}" if self.best is not None and self.best.value else ""
        return f"<SweptSpec {self.name} in {self.folder}: {sum(each.counts for each in self.trials)} trials{best}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the trials, the best above."""
        return table_html(self.trials, self.variables, self.metric, f"{self.name} in {self.folder}")
