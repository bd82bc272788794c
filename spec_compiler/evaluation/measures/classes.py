"""One class of several for each sample, or for each pixel or place of it: the confusion matrix and what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from spec_compiler.evaluation.measures.scores import Array, Scores, averages, ratio, report_json, scores_of


@dataclass(frozen=True, repr=False)
class Classes:
    """What an output that tells classes apart took for what.

    `matrix[true][predicted]` counts samples, or pixels where `places` is true. `extra` holds what only scores tell:
    `roc_auc` of two classes, `top_5_accuracy` of many.
    """

    output: str
    names: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]
    places: bool = False
    extra: Mapping[str, float] = field(default_factory=dict)

    kind = "classes"

    def __repr__(self) -> str:
        return f"<Classes {self.output}: accuracy {self.accuracy:.4f} of {self.total:,}, {len(self.names)} classes>"

    @cached_property
    def counts(self) -> Array:
        """The matrix as an array."""
        return np.array(self.matrix, "int64").reshape(len(self.names), len(self.names))

    @property
    def total(self) -> int:
        """How many samples, or pixels, it is of."""
        return int(self.counts.sum())

    @property
    def num_right(self) -> int:
        """How many of them were told rightly."""
        return int(np.trace(self.counts))

    @property
    def accuracy(self) -> float:
        """The share of them that was told rightly."""
        return float(ratio(self.num_right, self.total))

    @cached_property
    def rows(self) -> tuple[Scores, ...]:
        """The scores of each class."""
        return scores_of(np.diag(self.counts), self.counts.sum(0), self.counts.sum(1))

    @cached_property
    def averages(self) -> Mapping[str, Scores]:
        """The means over the classes."""
        return averages(self.rows)

    @property
    def absent(self) -> tuple[str, ...]:
        """The classes of which there is no sample."""
        return tuple(name for name, row in zip(self.names, self.rows, strict=True) if not row.support)

    @property
    def figures(self) -> dict[str, float]:
        """What sums it up."""
        present = [row for row in self.rows if row.support]
        balanced = float(np.mean([row.recall for row in present])) if present else 0.0
        said = {"accuracy": self.accuracy, "balanced_accuracy": balanced, **self.extra}
        if self.places:
            said["mean_iou"] = self.averages["macro average"].iou
        return said

    def confused(self, most: int = 5) -> list[tuple[str, str, int]]:
        """The pairs that are taken for one another most, as (true, predicted, count); ties in the order of classes."""
        wrong = self.counts - np.diag(np.diag(self.counts))
        order = np.argsort(-wrong, axis=None, kind="stable")[:most]
        pairs = [divmod(int(at), len(self.names)) for at in order]
        return [
            (self.names[true], self.names[told], int(wrong[true, told])) for true, told in pairs if wrong[true, told]
        ]

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            **report_json(self, "classes"),
            "averages": {name: row.to_json() for name, row in self.averages.items()},
            "confusion_matrix": [list(row) for row in self.matrix],
        }


class CountedClasses:
    """The counts of one output, batch after batch; targets and predictions are numbers of classes."""

    def __init__(self, output: str, names: Sequence[str], places: bool) -> None:
        self.output, self.names, self.places = output, tuple(names), places
        self.counts = np.zeros((len(self.names), len(self.names)), "int64")

    def add(self, true: Array, told: Array) -> None:
        """Counts a batch; numbers that no class has are left out, as losses with `ignore_class` do."""
        size = len(self.names)
        true, told = np.asarray(true, "int64").reshape(-1), np.asarray(told, "int64").reshape(-1)
        known = (true >= 0) & (true < size)
        pairs = true[known] * size + told[known]
        self.counts += np.bincount(pairs, minlength=size * size).reshape(size, size)

    def done(self, extra: Mapping[str, float] | None = None) -> Classes:
        """What came of it."""
        matrix = tuple(tuple(map(int, row)) for row in self.counts)
        return Classes(self.output, self.names, matrix, self.places, dict(extra or {}))
