"""What the trials of a sweep are compared by, and whether less or more of it is better."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from spec_compiler.diagnostics import Diagnostic, did_you_mean, quoted
from spec_compiler.graph import Graph
from spec_compiler.spec import Spec
from spec_compiler.spec.keras_objects import KerasObject
from spec_compiler.training.reported import WITHOUT_DIRECTION, metric_name, output_names, reported

# Metrics of which less is better: `_direction` in `keras/src/metrics`; of Keras's others more is.
LESS_IS_BETTER = (
    *("MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError"),
    *("MeanSquaredLogarithmicError", "LogCoshError", "KLDivergence", "Poisson"),
    *("BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy"),
    *("Hinge", "SquaredHinge", "CategoricalHinge"),
)


class Measured(NamedTuple):
    """A metric by its name, and whether its largest value is the best."""

    name: str
    largest: bool

    @property
    def text(self) -> str:
        """It in words."""
        return f"the {'largest' if self.largest else 'smallest'} {self.name}"


def measured(spec: Spec, graph: Graph) -> Measured:
    """By what the trials of a sweep are compared; `sweep_problems` has found nothing wrong with it."""
    assert spec.sweep is not None
    name = _name(spec)
    if spec.sweep.mode is not None:
        return Measured(name, spec.sweep.mode == "max")
    return Measured(name, _largest(spec, graph, name) or False)


def sweep_problems(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    """SC605 for a sweep that goes by what no epoch reports, or by what may be better either way."""
    sweep = spec.sweep
    if sweep is None or spec.compile is None or spec.data is None:
        return
    validates = spec.data.validation is not None
    names = reported(spec.compile.metrics, output_names(graph), validates=validates)
    name = _name(spec)
    if name not in names:
        help = did_you_mean(name, names, f"it reports {quoted(names)}")
        if name.startswith("val_") and not validates:
            help = "add `validation` to `data`, or go by `loss`"
        message = f"`sweep` goes by `{name}`, which the training does not report"
        yield Diagnostic("SC605", message, ("sweep", "monitor"), help=help)
    elif sweep.mode is None and _largest(spec, graph, name) is None:
        message = f"`sweep` goes by `{name}`, of which nobody knows whether more is better"
        help = "add `mode: max`, or `mode: min` where less is better"
        yield Diagnostic("SC605", message, ("sweep", "monitor"), help=help)


def _name(spec: Spec) -> str:
    assert spec.sweep is not None
    validates = spec.data is not None and spec.data.validation is not None
    return spec.sweep.monitor or ("val_loss" if validates else "loss")


def _largest(spec: Spec, graph: Graph, name: str) -> bool | None:
    """Whether more is better of what goes by a name; None where that cannot be known."""
    name = name.removeprefix("val_")
    outputs = output_names(graph)
    if name == "loss" or name in [f"{output}_loss" for output in outputs]:
        return False
    assert spec.compile is not None
    prefixes = ("", *(f"{output}_" for output in outputs))
    for metric in spec.compile.metrics:
        own = [f"{prefix}{metric_name(metric)}" for prefix in prefixes]
        if name in own or any(name.startswith(f"{each}_") and name[len(each) + 1 :].isdigit() for each in own):
            return _of_class(metric)
    return None


def _of_class(metric: KerasObject) -> bool | None:
    if metric.is_own or metric.class_name in WITHOUT_DIRECTION:
        return None
    return metric.class_name not in LESS_IS_BETTER
