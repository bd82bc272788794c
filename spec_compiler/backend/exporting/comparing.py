"""An artefact beside the model that it was made of: both on the same inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spec_compiler.backend.exporting.runtimes.runtime import Array


def difference(ours: Array, theirs: Array) -> tuple[float, float]:
    """The largest difference of two numbers, and the largest number of `ours`; texts are the same, or infinitely apart.

    A NaN is the same as another one at its place, and so is an infinity.
    """
    if ours.shape != theirs.shape:
        return float("inf"), 1.0
    if ours.dtype.kind not in "fiub" and ours.dtype.name != "bfloat16":
        return (0.0 if np.array_equal(_texts(ours), _texts(theirs)) else float("inf")), 1.0
    one, other = ours.astype("float64"), theirs.astype("float64")
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    with np.errstate(invalid="ignore"):
        gaps = np.where(same, 0.0, np.abs(one - other))
    gaps = np.where(np.isnan(gaps), np.inf, gaps)
    largest = np.abs(one[np.isfinite(one)]).max(initial=0.0)
    return float(gaps.max(initial=0.0)), float(largest)


def _texts(values: Array) -> Any:
    return [each.decode() if isinstance(each, bytes) else str(each) for each in values.reshape(-1).tolist()]


def relative(ours: Array, theirs: Array) -> float:
    """The largest difference as a part of the largest number."""
    gap, largest = difference(ours, theirs)
    return 0.0 if gap == 0 else gap / largest if largest else float("inf")


def same_class(ours: Array, theirs: Array) -> tuple[int, int] | None:
    """Of how many samples the largest score is of the same class, of how many; None for what is no scores."""
    if ours.ndim != 2 or ours.shape != theirs.shape or ours.shape[1] < 2 or ours.dtype.kind != "f":
        return None
    return int((ours.argmax(axis=1) == theirs.argmax(axis=1)).sum()), len(ours)


def worst(ours: Sequence[Array], theirs: Sequence[Array]) -> float:
    """The largest of several differences, each as a part of the largest number there."""
    if len(ours) != len(theirs):
        return float("inf")
    return max((relative(one, other) for one, other in zip(ours, theirs, strict=True)), default=0.0)
