"""What the trials of a sweep are compared by, and whether less or more of it is better."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.graph import Graph
from spec_compiler.keras_facts.metric_directions import Direction
from spec_compiler.spec import Spec
from spec_compiler.training.measure import Measure, said_in, said_monitor
from spec_compiler.training.reported import not_reported, reported_in


def sweep_measure(spec: Spec, graph: Graph) -> Measure:
    """By what the trials of a sweep are compared: its `monitor`, else what the best epoch of each goes by.

    `sweep_problems` has found nothing wrong with it.
    """
    assert spec.sweep is not None
    name = _name(spec)
    return Measure(name, spec.sweep.mode or _mode(spec, name) or reported_in(spec, graph)[name].direction or "min")


def sweep_problems(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    """SC605 for a sweep that goes by what no epoch reports, or by what may be better either way."""
    sweep = spec.sweep
    if sweep is None or spec.compile is None or spec.data is None:
        return
    names, name = reported_in(spec, graph), _name(spec)
    if sweep.monitor is None and said_monitor(spec) is not None:
        return  # what is wrong with it is said where it stands
    if name not in names:
        message = f"`sweep` goes by `{name}`, which the training does not report"
        help = not_reported(name, names, spec.data.validates)
        yield Diagnostic("SC605", message, ("sweep", "monitor"), help=help)
    elif sweep.mode is None and _mode(spec, name) is None and names[name].direction is None:
        message = f"`sweep` goes by `{name}`, of which nobody knows whether more is better"
        help = "add `mode: max`, or `mode: min` where less is better"
        yield Diagnostic("SC605", message, ("sweep", "monitor"), help=help)


def _name(spec: Spec) -> str:
    assert spec.sweep is not None
    if spec.sweep.monitor is not None:
        return spec.sweep.monitor
    if (monitor := said_monitor(spec)) is not None:
        return monitor.value
    return "val_loss" if spec.data is not None and spec.data.validates else "loss"


def _mode(spec: Spec, name: str) -> Direction | None:
    """What the run's own `mode` says, where the sweep goes by the run's own `monitor`."""
    monitor, mode = said_monitor(spec), next(said_in(spec, "mode"), None)
    if mode is None or monitor is None or monitor.value != name:
        return None
    return "max" if mode.value == "max" else "min"
