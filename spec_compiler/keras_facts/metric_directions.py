"""Whether more or less of a metric is better, as Keras has it in each metric's `_direction`."""

from __future__ import annotations

from typing import Literal

from spec_compiler.keras_facts import catalogue

Direction = Literal["min", "max"]

# Counts and sums, of which Keras does not say it.
WITHOUT_DIRECTION = ("FalseNegatives", "FalsePositives", "Mean", "Sum", "TrueNegatives", "TruePositives")
# Of every other one more is better.
_LESS = (
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCoshError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "RootMeanSquaredError",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "ce",
    "crossentropy",
)


def direction_of(class_name: str) -> Direction | None:
    """Whether a metric of Keras's is to be small or large; None where that is not known.

    >>> direction_of("AUC"), direction_of("MeanSquaredError"), direction_of("Sum")
    ('max', 'min', None)
    """
    if class_name in WITHOUT_DIRECTION or catalogue.class_record(class_name, "metric") is None:
        return None
    return "min" if class_name in _LESS else "max"
