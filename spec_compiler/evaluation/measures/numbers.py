"""Numbers for each sample: how far they are from what is true, each column by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from spec_compiler.evaluation.measures.scores import Array, report_json

MOST_POINTS = 5000  # that are kept to be drawn


class Deviations(NamedTuple):
    """Of one column: mean absolute error, root of the mean square, R², and the mean of predicted minus true."""

    mae: float
    rmse: float
    r2: float
    bias: float

    def to_json(self) -> dict[str, float]:
        """Them as plain data."""
        return self._asdict()


@dataclass(frozen=True, repr=False)
class Numbers:
    """How far the numbers of an output are from the true ones; `points` are the first pairs of both, to be drawn."""

    output: str
    names: tuple[str, ...]
    rows: tuple[Deviations, ...]
    total: int
    places: bool = False
    points: tuple[tuple[float, float], ...] = ()

    kind = "numbers"

    def __repr__(self) -> str:
        return f"<Numbers {self.output}: MAE {self.figures['mae']:.4g}, R² {self.figures['r2']:.4f}>"

    @property
    def figures(self) -> dict[str, float]:
        """The means over the columns, as scikit-learn's `multioutput="uniform_average"`."""
        means = np.array(self.rows, "float64").reshape(-1, 4).mean(0)
        return {key: float(value) for key, value in zip(("mae", "rmse", "r2"), means, strict=False)}

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return report_json(self, "columns")


class CountedNumbers:
    """The deviations of one output, batch after batch, in two passes' worth of sums and float64."""

    def __init__(self, output: str, names: Sequence[str], places: bool) -> None:
        self.output, self.names, self.places = output, tuple(names), places
        size = len(self.names)
        self.total, self.mean, self.spread = 0, np.zeros(size), np.zeros(size)
        self.absolute, self.square, self.signed = np.zeros(size), np.zeros(size), np.zeros(size)
        self.points: list[tuple[float, float]] = []

    def add(self, true: Array, told: Array) -> None:
        """Counts a batch, the columns in the last axis."""
        true, told = (np.asarray(each, "float64").reshape(-1, len(self.names)) for each in (true, told))
        if not len(true):
            return
        error = told - true
        self.absolute += np.abs(error).sum(0)
        self.square += (error**2).sum(0)
        self.signed += error.sum(0)
        # Chan's formula: the sum of squares minus n times the squared mean would lose the digits of far means
        mean, spread, count = true.mean(0), ((true - true.mean(0)) ** 2).sum(0), len(true)
        apart, total = mean - self.mean, self.total + count
        self.spread += spread + apart**2 * self.total * count / total
        self.mean += apart * count / total
        self.total = total
        room = MOST_POINTS - len(self.points)
        self.points += [
            (float(a), float(b)) for a, b in zip(true.reshape(-1)[:room], told.reshape(-1)[:room], strict=True)
        ]

    def done(self) -> Numbers:
        """What came of it; R² of what is constant is 1 where all is right, else 0, as scikit-learn has it."""
        count = max(self.total, 1)
        constant = np.where(self.square == 0, 1.0, 0.0)
        r2 = np.where(self.spread > 0, 1 - self.square / np.where(self.spread > 0, self.spread, 1), constant)
        columns = (self.absolute / count, np.sqrt(self.square / count), r2, self.signed / count)
        rows = tuple(Deviations(*map(float, row)) for row in zip(*columns, strict=True))
        return Numbers(self.output, self.names, rows, self.total, self.places, tuple(self.points))
