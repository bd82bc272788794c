"""The samples that a model is most wrong about, kept while it goes through them."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from spec_compiler.evaluation.measures.kinds import OutputKind
from spec_compiler.evaluation.measures.scores import Array


class Mistake(NamedTuple):
    """One sample that is wrong: what is true and what is told, as text, and how sure the model is of either.

    `sample` counts from 0 in the order of the data, `file` is its image; `picture` is a `data:` address of what the
    model saw. `badness` orders: the probability that is missing, or how far numbers are off in the mean. Of several
    labels `label` is the one that is most wrong, and the probabilities are of it.

    Attributes:
        sample: from 0, in the order of the data.
        output: which output is wrong.
        true: what is true, as text.
        told: what the model says, as text.
        badness: how bad it is: the worst come first.
        probability: how probable the model finds what it says.
        probability_true: how probable it finds what is true.
        file: its image.
        picture: what the model saw, as a `data:` address.
        label: of several labels the one that is most wrong.
    """

    sample: int
    output: str
    true: str
    told: str
    badness: float
    probability: float | None = None
    probability_true: float | None = None
    file: str | None = None
    picture: str | None = None
    label: str | None = None

    def to_json(self) -> dict[str, Any]:
        """It as plain data, less the picture."""
        said = self._asdict()
        del said["picture"]
        return said


class Worst:
    """The worst of all samples; of equals the first."""

    def __init__(self, most: int) -> None:
        self.most, self.count = most, 0
        self._heap: list[tuple[tuple[float, float, int], int, Mistake, Any]] = []

    def takes(self, mistake: Mistake) -> bool:
        """Whether it would be among the worst so far."""
        return len(self._heap) < self.most or (self.most > 0 and self._key(mistake) > self._heap[0][0])

    def add(self, mistake: Mistake, seen: Any) -> None:
        """One more mistake; `seen` is what its picture is made of, if it is among the worst at the end."""
        self.count += 1
        if not self.takes(mistake):
            return
        entry = (self._key(mistake), self.count, mistake, seen)  # the count, so that no two are compared further
        if len(self._heap) < self.most:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heapreplace(self._heap, entry)

    @staticmethod
    def _key(mistake: Mistake) -> tuple[float, float, int]:
        # the less probable what is true, the worse; then the surer of what is told
        return (mistake.badness, mistake.probability or 0.0, -mistake.sample)

    def done(self) -> list[tuple[Mistake, Any]]:
        """The worst first."""
        ranked = sorted(self._heap, key=lambda entry: entry[0], reverse=True)
        return [(mistake, seen) for _, _, mistake, seen in ranked]


class Told(NamedTuple):
    """What is true of a sample and what an output says: as text, and of classes how probable each of both is.

    Of several labels the probabilities are those of `label`, the one that is farthest from what is true.
    """

    true: str
    told: str
    is_right: bool
    badness: float
    probability: float | None = None
    probability_true: float | None = None
    label: str | None = None


def told_of(kind: OutputKind, targets: Array, outputs: Array) -> list[Told]:
    """Of each sample of a batch, for an output that says one thing of each sample."""
    if kind.kind == "classes":
        return _classes(kind, targets, outputs)
    return _labels(kind, targets, outputs) if kind.kind == "labels" else _numbers(kind, targets, outputs)


def _classes(kind: OutputKind, targets: Array, outputs: Array) -> list[Told]:
    true, told = kind.true(targets).reshape(-1), kind.told(outputs).reshape(-1)
    chances, found = kind.probabilities(outputs), []
    for row, right, said in zip(chances, true, told, strict=True):
        known = 0 <= right < len(kind.names)
        of_true = float(row[right]) if known else None
        name = kind.names[right] if known else ""
        badness = 1 - of_true if of_true is not None else 0.0
        found.append(Told(name, kind.names[said], not known or right == said, badness, float(row[said]), of_true))
    return found


def _labels(kind: OutputKind, targets: Array, outputs: Array) -> list[Told]:
    true, told = (each.reshape(len(outputs), -1) for each in (kind.true(targets), kind.told(outputs)))
    chances = kind.probabilities(outputs)
    found = []
    for row, right, said in zip(chances, true, told, strict=True):
        missing = np.where(right, 1 - row, row)  # how far each label is from what is true
        at = int(np.argmax(missing))
        both = (right == said).all()
        sure = float(row[at] if said[at] else 1 - row[at])
        lists = _listed(kind.names, right), _listed(kind.names, said)
        found.append(Told(*lists, bool(both), float(missing[at]), sure, float(1 - missing[at]), kind.names[at]))
    return found


def _numbers(kind: OutputKind, targets: Array, outputs: Array) -> list[Told]:
    true, told = (each.reshape(len(outputs), -1) for each in (kind.true(targets), kind.told(outputs)))
    off = np.abs(told - true).mean(1)
    return [Told(_few(right), _few(said), bool(error == 0), float(error))
            for right, said, error in zip(true, told, off, strict=True)]  # fmt: skip


def _listed(names: Sequence[str], there: Array) -> str:
    return ", ".join(name for name, is_there in zip(names, there, strict=True) if is_there) or "none"


def _few(values: Array) -> str:
    text = ", ".join(f"{value:.4g}" for value in values[:4])
    return text if len(values) <= 4 else f"{text}, …"
