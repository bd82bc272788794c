"""`Evaluation`: what came of a model on labelled data, as a value that shows itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from spec_compiler.evaluation.measures.classes import Classes
from spec_compiler.evaluation.measures.labels import Labels
from spec_compiler.evaluation.measures.numbers import Numbers
from spec_compiler.evaluation.mistakes import Mistake

FORMAT_VERSION = 1

Measure = Classes | Labels | Numbers


class Prediction(NamedTuple):
    """What one output says of one sample, right or wrong.

    Attributes:
        sample: from 0, in the order of the data.
        file: its image.
        output: which output says it.
        true: what is true, as text.
        told: what the model says, as text.
        is_right: whether they are the same.
        probability: how probable the model finds what it says.
        probability_true: how probable it finds what is true.
    """

    sample: int
    file: str | None
    output: str
    true: str
    told: str
    is_right: bool
    probability: float | None
    probability_true: float | None


@dataclass(frozen=True, repr=False)
class Evaluation:
    """What a model says of labelled data.

    Attributes:
        model: which model it is of.
        data: what it was evaluated on.
        num_samples: how many samples.
        metrics: loss and metrics, as Keras's own `evaluate` computes them; empty where the model has no loss.
        outputs: a report for each output that tells classes, labels or numbers.
        mistakes: the worst, the worst first.
        num_mistakes: how many there are in all.
        predictions: what each output says of each sample.
        epoch: of which epoch the model is, where its run says so.
        notes: what could not be computed, and why.
    """

    model: str
    data: str
    num_samples: int
    metrics: Mapping[str, float]
    outputs: tuple[Measure, ...]
    mistakes: tuple[Mistake, ...] = ()
    num_mistakes: int = 0
    predictions: tuple[Prediction, ...] = ()
    epoch: int | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        said = [f"{name} {value:.4f}" for name, value in self.metrics.items()]
        return f"<Evaluation of {self.model} on {self.num_samples:,} samples: {', '.join(said) or self.outputs}>"

    @property
    def of(self) -> Mapping[str, Measure]:
        """The reports by the names of their outputs."""
        return {each.output: each for each in self.outputs}

    def to_json(self) -> dict[str, Any]:
        """All but the predictions as plain data, with a `format_version`."""
        return {
            "format_version": FORMAT_VERSION,
            "model": self.model,
            "epoch": self.epoch,
            "data": self.data,
            "samples": self.num_samples,
            "metrics": dict(self.metrics),
            "outputs": [each.to_json() for each in self.outputs],
            "mistakes": {"count": self.num_mistakes, "worst": [each.to_json() for each in self.mistakes]},
            "notes": list(self.notes),
        }

    def to_html(self) -> str:
        """The page with figures, tables, the confusion matrix and the worst mistakes; it needs nothing else."""
        from spec_compiler.evaluation.page import to_html  # who reads figures needs no page

        return to_html(self)

    def to_markdown(self) -> str:
        """Figures and tables as Markdown."""
        from spec_compiler.evaluation.tables import markdown  # as above

        return markdown(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: figures, tables and matrices."""
        from spec_compiler.evaluation.page import fragment  # as above

        return fragment(self)

    def _repr_markdown_(self) -> str:
        """The same as Markdown, for what shows no HTML."""
        return self.to_markdown()
