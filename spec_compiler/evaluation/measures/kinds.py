"""What an output says of a sample, by its loss, its activation and its shape: classes, labels or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from spec_compiler.evaluation.measures.scores import Array

Kind = Literal["classes", "labels", "numbers"]
Shape = tuple[int | None, ...]

_OF_CLASSES = (
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
)
_HINGES = ("Hinge", "SquaredHinge")
_OF_EACH = ("BinaryCrossentropy", "BinaryFocalCrossentropy", "Dice", "Tversky", *_HINGES)
_UNKNOWN = ("CTC", "Circle")  # what they compare with is neither a class nor a number of the sample


@dataclass(frozen=True)
class OutputKind:
    """How one output is read: what it says (`kind`), of which `names`, and where a score means yes.

    `places` says that it does so for each pixel or place of a sample; `integers` that targets are class numbers;
    `logits` that its scores are no probabilities yet; `is_binary` that one number tells two classes apart; `ignored` is
    a class number that counts nothing.
    """

    output: str
    kind: Kind
    names: tuple[str, ...]
    places: bool = False
    integers: bool = False
    logits: bool = False
    threshold: float = 0.5
    ignored: int | None = None
    is_binary: bool = False

    def true(self, targets: Array) -> Array:
        """Class numbers, labels that are there, or numbers, of targets as the loss takes them."""
        if self.kind == "numbers":
            return np.asarray(targets, "float64")
        if self.kind == "labels":
            return np.asarray(targets) > 0.5  # of -1 and 1 as well
        if self.is_binary:
            return (np.asarray(targets) > 0.5).astype("int64")
        if self.integers:
            numbers = np.asarray(targets).astype("int64")
            return np.where(numbers == self.ignored, -1, numbers) if self.ignored is not None else numbers
        return np.asarray(np.asarray(targets).argmax(-1))

    def told(self, outputs: Array) -> Array:
        """What the output says, in the form of `true`; of equal scores the first class has it, as in Keras."""
        if self.kind == "numbers":
            return np.asarray(outputs, "float64")
        if self.kind == "labels":
            return np.asarray(outputs) > self.threshold
        if self.is_binary:
            return (np.asarray(outputs) > self.threshold).astype("int64")
        return np.asarray(np.asarray(outputs).argmax(-1))

    def probabilities(self, outputs: Array) -> Array:
        """A row for each sample: how probable each class or label is, raw scores sent through their activation."""
        scores = np.asarray(outputs, "float64")
        if self.logits and self.kind == "classes" and not self.is_binary:
            powers: Array = np.exp(scores - scores.max(-1, keepdims=True))
            return np.asarray(powers / powers.sum(-1, keepdims=True))
        if self.logits:
            scores = 1 / (1 + np.exp(-np.clip(scores, -700, 700)))
        if self.is_binary:
            scores = scores.reshape(len(scores), -1)[:, :1]
            return np.concatenate([1 - scores, scores], axis=1)
        return scores


def kind_of(
    output: str,
    shape: Shape,
    loss: str | None,
    activation: str | None,
    names: Sequence[str] = (),
    *,
    single: bool | None = None,
    arguments: Any = None,
) -> OutputKind | None:
    """How an output is read; None where its loss says that it is nothing that can be counted.

    `loss` is the class of its loss, None where that is unknown or code of one's own; `single` says that each sample is
    known to be of one class, False that it has several labels; `names` are those of its classes or labels.
    """
    units = shape[-1] if shape else None
    if units is None or loss in _UNKNOWN:
        return None
    arguments = arguments or {}
    places = len(shape) > 2
    kind = _kind(loss, activation, units, single)
    logits = arguments.get("from_logits") is True or loss in ("CategoricalHinge", *_HINGES)
    threshold = 0.0 if logits else 0.5
    one_number = kind == "classes" and units == 1
    count = 2 if one_number else units
    known = tuple(names) if len(names) == count else tuple(str(at) for at in range(count))
    if kind == "numbers" and len(names) != count:
        known = (output,) if count == 1 else tuple(f"{output}[{at}]" for at in range(count))
    integers = (loss or "").startswith("Sparse")
    return OutputKind(
        output, kind, known, places, integers, logits, threshold, arguments.get("ignore_class"), one_number
    )


def _kind(loss: str | None, activation: str | None, units: int, single: bool | None) -> Kind:
    if single is False:
        return "labels"
    if loss is not None and (loss.startswith("Sparse") or loss in _OF_CLASSES):
        return "classes"
    if activation == "softmax" and units > 1:
        return "classes"
    if loss in _OF_EACH or (loss is None and activation in ("sigmoid", "hard_sigmoid")):
        return "classes" if units == 1 or single else "labels"
    return "classes" if single else "numbers"
