"""Batches with their targets and outputs -> an `Evaluation`: every output counted, the worst samples kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from spec_compiler.evaluation.evaluation import Measure, Prediction
from spec_compiler.evaluation.measures.classes import CountedClasses
from spec_compiler.evaluation.measures.kinds import OutputKind
from spec_compiler.evaluation.measures.labels import CountedLabels
from spec_compiler.evaluation.measures.numbers import CountedNumbers
from spec_compiler.evaluation.measures.scores import Array, roc_auc
from spec_compiler.evaluation.mistakes import Mistake, Worst, told_of

_TOP = 5
_OF_MANY = 10  # classes, from which on it is asked whether the true one is among the best five


class Counted:
    """All outputs of a model, batch after batch."""

    def __init__(self, kinds: Sequence[OutputKind], files: Sequence[str] = (), most: int = 48) -> None:
        self.files, self.worst = tuple(files), Worst(most)
        self.outputs = [_Output(kind) for kind in kinds]
        self.num_samples = 0
        self.predictions: list[Prediction] = []

    def add(
        self, targets: dict[str, Array], outputs: dict[str, Array], size: int, pixels: Callable[[int], Any]
    ) -> None:
        """Counts a batch; `pixels` gives those of one of its samples."""
        for each in self.outputs:
            name = each.kind.output
            if name not in targets or name not in outputs:
                continue
            each.add(targets[name], outputs[name])
            if not each.kind.places:
                self._tell(each.kind, targets[name], outputs[name], pixels)
        self.num_samples += size

    def _tell(self, kind: OutputKind, targets: Array, outputs: Array, pixels: Callable[[int], Any]) -> None:
        for at, told in enumerate(told_of(kind, targets, outputs)):
            index = self.num_samples + at
            file = self.files[index] if index < len(self.files) else None
            chances = (told.probability, told.probability_true)
            self.predictions.append(Prediction(index, file, kind.output, told.true, told.told, told.is_right, *chances))
            if not told.is_right:
                mistake = Mistake(
                    index, kind.output, told.true, told.told, told.badness, *chances, file, label=told.label
                )
                self.worst.add(mistake, pixels(at) if self.worst.takes(mistake) else None)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """A report for each output."""
        return tuple(each.done() for each in self.outputs)


class _Output:
    """One output: its counts, and the scores that only all samples together tell something of."""

    def __init__(self, kind: OutputKind) -> None:
        self.kind = kind
        counted = {"classes": CountedClasses, "labels": CountedLabels, "numbers": CountedNumbers}[kind.kind]
        self.counted: Any = counted(kind.output, kind.names, kind.places)
        self.scores: list[Array] = []
        self.positive: list[Array] = []
        self.num_near = self.total = 0

    def add(self, targets: Array, outputs: Array) -> None:
        kind = self.kind
        true = kind.true(targets)
        self.counted.add(true, kind.told(outputs))
        if kind.is_binary and not kind.places:
            self.scores.append(np.asarray(outputs, "float64").reshape(-1))
            self.positive.append(true.reshape(-1) == 1)
        elif kind.kind == "classes" and not kind.is_binary and len(kind.names) >= _OF_MANY:
            rows, numbers = outputs.reshape(-1, len(kind.names)), true.reshape(-1)
            known = (numbers >= 0) & (numbers < len(kind.names))
            rows, numbers = rows[known], numbers[known]
            # as Keras's `in_top_k`: of equal scores each is among the best
            better = (rows > rows[np.arange(len(rows)), numbers][:, None]).sum(1)
            self.num_near += int((better < _TOP).sum())
            self.total += len(rows)

    def done(self) -> Measure:
        if self.kind.kind != "classes":
            measure: Measure = self.counted.done()
            return measure
        extra = {}
        if self.scores and (area := roc_auc(np.concatenate(self.positive), np.concatenate(self.scores))) is not None:
            extra["roc_auc"] = area
        if self.total:
            extra[f"top_{_TOP}_accuracy"] = self.num_near / self.total
        done: Measure = self.counted.done(extra)
        return done
