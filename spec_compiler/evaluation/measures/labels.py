"""Several labels for each sample, each there or not by itself: what was found, missed and wrongly said of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from spec_compiler.evaluation.measures.scores import Array, Scores, averages, ratio, report_json, scores_of

COUNTS = ("true_negative", "false_positive", "false_negative", "true_positive")


@dataclass(frozen=True, repr=False)
class Labels:
    """What an output with several labels said.

    `counts` holds for each label the samples that have it not and are told so, have it not, have it, have it and are
    told so, as `COUNTS` calls them.
    """

    output: str
    names: tuple[str, ...]
    counts: tuple[tuple[int, int, int, int], ...]
    num_exact: int
    total: int
    places: bool = False

    kind = "labels"

    def __repr__(self) -> str:
        return f"<Labels {self.output}: {len(self.names)} labels, F1 {self.averages['macro average'].f1:.4f}>"

    @property
    def accuracy(self) -> float:
        """The share of samples of which every label was told rightly."""
        return float(ratio(self.num_exact, self.total))

    @cached_property
    def rows(self) -> tuple[Scores, ...]:
        """The scores of each label."""
        _, wrong, missed, right = np.array(self.counts, "int64").reshape(-1, 4).T
        return scores_of(right, wrong + right, missed + right)

    @cached_property
    def averages(self) -> Mapping[str, Scores]:
        """The scores of all labels together, and the means over them."""
        _, wrong, missed, right = np.array(self.counts, "int64").reshape(-1, 4).sum(0)
        (together,) = scores_of([right], [wrong + right], [missed + right])
        return {"micro average": together, **averages(self.rows)}

    @property
    def absent(self) -> tuple[str, ...]:
        """The labels that no sample has."""
        return tuple(name for name, row in zip(self.names, self.rows, strict=True) if not row.support)

    @property
    def figures(self) -> dict[str, float]:
        """What sums it up: samples of which all labels are right, and single labels that are."""
        counts = np.array(self.counts, "int64").reshape(-1, 4)
        single = float(ratio(counts[:, [0, 3]].sum(), counts.sum()))
        return {"exact_match": self.accuracy, "label_accuracy": single}

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            **report_json(self, "labels"),
            "averages": {name: row.to_json() for name, row in self.averages.items()},
            "counts": {
                name: dict(zip(COUNTS, row, strict=True)) for name, row in zip(self.names, self.counts, strict=True)
            },
        }


class CountedLabels:
    """The counts of one output, batch after batch; targets and predictions say of each label whether it is there."""

    def __init__(self, output: str, names: Sequence[str], places: bool) -> None:
        self.output, self.names, self.places = output, tuple(names), places
        self.counts = np.zeros((len(self.names), 4), "int64")
        self.num_exact = self.total = 0

    def add(self, true: Array, told: Array) -> None:
        """Counts a batch, the labels in the last axis."""
        true, told = (np.asarray(each, bool).reshape(-1, len(self.names)) for each in (true, told))
        both = 2 * true + told  # 0 to 3, in the order of `counts`
        self.counts += np.stack([(both == at).sum(0) for at in range(4)], axis=1)
        self.num_exact += int((true == told).all(1).sum())
        self.total += len(true)

    def done(self) -> Labels:
        """What came of it."""
        counts = tuple((int(a), int(b), int(c), int(d)) for a, b, c, d in self.counts)
        return Labels(self.output, self.names, counts, self.num_exact, self.total, self.places)
