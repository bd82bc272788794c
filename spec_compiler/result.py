"""What a compilation and a training give: the model, and everything that says how it came about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from spec_compiler.diagnostics import Diagnostic, Diagnostics
from spec_compiler.plan import Plan
from spec_compiler.plan.ledger import WeightLedger
from spec_compiler.plan.warnings import lint
from spec_compiler.spec import Spec
from spec_compiler.training.history import History

if TYPE_CHECKING:
    from spec_compiler.evaluation import Evaluation


class Shown(Protocol):
    """What a compilation gives, be it a model or a file."""

    @property
    def plan(self) -> Plan:
        """What changed."""

    @property
    def weights(self) -> WeightLedger:
        """What became of every variable."""

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What is legal but worth saying."""


def bundle_of(made: Shown) -> dict[str, str]:
    """What a notebook shows of it: the plan, the ledger's totals and the warnings."""
    from spec_compiler.diagnostics.cells import heading  # a command shows no cell
    from spec_compiler.diagnostics.shown import all_of  # as above
    from spec_compiler.diagram.notebook import mimebundle  # as above
    from spec_compiler.plan.ledger_cell import totals  # as above

    warned = all_of(made.warnings) if made.warnings else ()
    below = (heading("Weights", f"{made.weights.num_base_variables:,} variables in the base"), *totals(made.weights))
    return mimebundle(made.plan, note=made.weights.summary, below=(*below, *warned))


@dataclass(frozen=True, repr=False)
class CompiledSpec:
    """The result of a spec: the model, and everything that says how it came about.

    Attributes:
        model: a fresh `keras.Model`; it shares no layer with the base. Compiled in Keras's sense where the spec says
            `compile` and has no `train`.
        spec: what the user wrote.
        plan: what changed.
        weights: what became of every variable.
        file_warnings: what is legal in the files of the base's weights, and in specs that it starts from, but worth
            saying.
    """

    model: Any
    spec: Spec
    plan: Plan
    weights: WeightLedger
    file_warnings: tuple[Diagnostic, ...] = ()

    def __repr__(self) -> str:
        return f"<CompiledSpec {self.plan.name}: {self.weights.summary}>"

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What is legal in the spec and its base but worth saying."""
        found = (*lint(self.spec, self.plan), *self.file_warnings)
        return Diagnostics(self.spec.source.locate(each) for each in found)

    def with_warnings(self, file_warnings: tuple[Diagnostic, ...]) -> CompiledSpec:
        """It with what is worth saying of its files."""
        return replace(self, file_warnings=file_warnings)

    def diagram(self, view: str = "side-by-side") -> str:
        """The change as DOT text; `view` is one of `before`, `after`, `side-by-side` and `diff`."""
        from spec_compiler.diagram import to_dot  # pictures take longer to import than many a check

        return to_dot(self.plan, view)

    def report(self) -> str:
        """The report as an HTML page that needs nothing else: picture, spec, tables, and the ledger's checksums."""
        from spec_compiler.diagram import to_html  # as above

        return to_html(self.plan, source=self.spec.source, ledger=self.weights)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the plan, the ledger's totals and the warnings."""
        return bundle_of(self)


@dataclass(frozen=True, repr=False)
class TrainedSpec:
    """The result of training: the model as the last phase left it, how it went, and the folder with the files.

    `broken` says which metrics that `expect` or a policy promises no epoch reached; `evaluation` what the kept model
    says of what tests it, or else of what validates it.

    Attributes:
        model: as the last phase left it.
        compiled: what was trained.
        history: the epochs.
        folder: where the files are.
        summary: what `summary.json` says.
        broken: which metrics that `expect` or a policy promises no epoch reached.
        evaluation: what the kept model says of what tests it, or else of what validates it.
    """

    model: Any
    compiled: CompiledSpec
    history: History
    folder: str
    summary: dict[str, Any]
    broken: tuple[Diagnostic, ...] = ()
    evaluation: Evaluation | None = None

    def __repr__(self) -> str:
        return f"<TrainedSpec {self.compiled.plan.name} in {self.folder}: {self.history!r}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the epochs, their curves, and what the kept model says of what tests it."""
        from spec_compiler.diagnostics.cells import cell, element, heading, picture  # a command shows no cell
        from spec_compiler.diagnostics.shown import all_of  # as above
        from spec_compiler.training.history_table import table_of  # as above

        curves = Path(self.folder) / "curves.png"
        parts = [heading(self.compiled.plan.name, element("span", f"in {self.folder}")), table_of(self.history)]
        if curves.is_file():
            parts.append(picture("image/png", curves.read_bytes(), "loss and metrics of each epoch", flips=True))
        evaluated = "" if self.evaluation is None else self.evaluation._repr_html_()
        return cell(*parts, *(all_of(self.broken) if self.broken else ())) + evaluated

    def _repr_markdown_(self) -> str:
        """The same as Markdown, for what shows no HTML."""
        evaluated = "" if self.evaluation is None else f"\n{self.evaluation.to_markdown()}"
        return f"{self.history._repr_markdown_()}{evaluated}"
