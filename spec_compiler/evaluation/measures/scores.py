"""Precision, recall, F1 and IoU of counts, and their averages, as scikit-learn defines them with `zero_division=0`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
Counts = Sequence[int] | Array
FIGURES = ("precision", "recall", "f1", "iou")


class Scores(NamedTuple):
    """Of one class or an average: `support` is how many samples have the class, `predicted` how many are said to."""

    precision: float
    recall: float
    f1: float
    iou: float
    support: int
    predicted: int

    def to_json(self) -> dict[str, float | int]:
        """Them as plain data."""
        return self._asdict()


def report_json(measure: Any, rows: str) -> dict[str, Any]:
    """What the reports of all kinds have as plain data; `rows` is what their rows are of: classes, labels, columns."""
    return {
        "output": measure.output,
        "kind": measure.kind,
        "of": "places" if measure.places else "samples",
        "total": measure.total,
        **measure.figures,
        rows: {name: row.to_json() for name, row in zip(measure.names, measure.rows, strict=True)},
    }


def ratio(part: Any, whole: Any) -> Array:
    """`part / whole`, 0 where there is nothing.

    >>> ratio(np.array([1, 0]), np.array([4, 0])).tolist()
    [0.25, 0.0]
    """
    part, whole = np.asarray(part, "float64"), np.asarray(whole, "float64")
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole != 0))


def scores_of(hits: Counts, predicted: Counts, support: Counts) -> tuple[Scores, ...]:
    """Those of each class: samples told rightly to be of it, told to be of it at all, and that are of it."""
    right, told, true = (np.asarray(each, "int64") for each in (hits, predicted, support))
    figures = (ratio(right, told), ratio(right, true), ratio(2 * right, told + true), ratio(right, told + true - right))
    rows = zip(*figures, true, told, strict=True)
    return tuple(_scores(row[:4], row[4], row[5]) for row in rows)


def averages(rows: Sequence[Scores]) -> Mapping[str, Scores]:
    """The mean over the classes, and that weighted by how many samples each has."""
    table = np.array([row[:4] for row in rows], "float64").reshape(-1, 4)
    support = np.array([row.support for row in rows], "float64")
    counts = int(support.sum()), sum(row.predicted for row in rows)
    total = support.sum()
    weighted = (table * support[:, None]).sum(0) / total if total else np.zeros(4)
    macro = table.mean(0) if len(rows) else np.zeros(4)
    return {
        "macro average": _scores(macro, *counts),
        "weighted average": _scores(weighted, *counts),
    }


def _scores(figures: Any, support: int, predicted: int) -> Scores:
    precision, recall, f1, iou = map(float, figures)
    return Scores(precision, recall, f1, iou, int(support), int(predicted))


def roc_auc(positive: Array, scores: Array) -> float | None:
    """The area under the ROC curve: how often a positive has a higher score than a negative, ties counted half.

    None where one of both is missing.

    >>> roc_auc(np.array([False, True, True]), np.array([0.2, 0.2, 0.9]))
    0.75
    """
    positive = np.asarray(positive, bool)
    num_positive, num_negative = int(positive.sum()), int((~positive).sum())
    if not num_positive or not num_negative:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse.reshape(-1)]  # of equal scores the middle one
    above = ranks[positive].sum() - num_positive * (num_positive + 1) / 2
    return float(above / (num_positive * num_negative))
