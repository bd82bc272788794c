"""What happened in each epoch, as a value: rows, a CSV text, plain data."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from spec_compiler.training.history_table import html, markdown
from spec_compiler.training.measure import Measure


class Row(NamedTuple):
    """One epoch, counted from 1 through all phases; `metrics` as Keras logs them, validation with `val_`."""

    epoch: int
    phase: str
    metrics: Mapping[str, float]
    learning_rate: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True, repr=False)
class History:
    """All epochs of a run, and what the best of them goes by.

    Attributes:
        rows: an epoch each.
        goes_by: the metric that says which epoch is the best.
    """

    rows: tuple[Row, ...] = ()
    goes_by: Measure | None = None

    def __repr__(self) -> str:
        phases = ", ".join(f"{name} {first} to {last}" for name, first, last in self.phases())
        return f"<History of {len(self)} epochs{phases and f': {phases}'}>"

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def with_row(self, row: Row) -> History:
        """The history with one more epoch."""
        return replace(self, rows=(*self.rows, row))

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Every metric that some epoch has, in order."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.metrics))

    @property
    def measure(self) -> str:
        """The name of what the best epoch goes by, in every file and line."""
        return self._measure.name

    @property
    def _measure(self) -> Measure:
        return self.goes_by or Measure("val_loss" if "val_loss" in self.metric_names else "loss")

    def best_epoch(self) -> Row | None:
        """The first epoch with the best `measure`, whose model is in `best.keras`."""
        return self.best(self.measure, largest=self._measure.largest)

    def best(self, metric: str, largest: bool = True) -> Row | None:
        """The first epoch with the best value of a metric."""
        rows = [row for row in self.rows if not math.isnan(row.metrics.get(metric, math.nan))]
        return (max if largest else min)(rows, key=lambda row: row.metrics[metric], default=None)

    def phases(self) -> tuple[tuple[str, int, int], ...]:
        """Each phase with its first and last epoch."""
        epochs: dict[str, list[int]] = {}
        for row in self.rows:
            epochs.setdefault(row.phase, []).append(row.epoch)
        return tuple((phase, of_phase[0], of_phase[-1]) for phase, of_phase in epochs.items())

    def to_csv(self) -> str:
        """A table with one line an epoch.

        >>> print(History((Row(1, "head", {"loss": 0.5}, 0.001, 2.0),)).to_csv(), end="")
        epoch,phase,loss,learning_rate,seconds
        1,head,0.5,0.001,2.000
        """
        names = self.metric_names
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["epoch", "phase", *names, "learning_rate", "seconds"])
        for row in self.rows:
            # `repr` writes as many digits as lead back to the same number
            values = [repr(row.metrics[name]) if name in row.metrics else "" for name in names]
            rate = "" if row.learning_rate is None else f"{row.learning_rate:.6g}"
            writer.writerow([row.epoch, row.phase, *values, rate, f"{row.seconds:.3f}"])
        return stream.getvalue()

    def _repr_html_(self) -> str:
        """What a notebook shows: a table of the epochs, the best one in bold."""
        return html(self)

    def _repr_markdown_(self) -> str:
        """The same as Markdown, for what shows no HTML."""
        return markdown(self)

    def to_json(self) -> list[dict[str, Any]]:
        """The rows as plain data."""
        return [row._asdict() for row in self.rows]

    @classmethod
    def from_json(cls, rows: Sequence[Mapping[str, Any]], goes_by: Measure | None = None) -> History:
        """The history that `to_json` wrote."""
        return cls(tuple(Row(**row) for row in rows), goes_by)
