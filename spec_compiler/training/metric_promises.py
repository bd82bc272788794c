"""What a spec and a policy promise of metrics: that a run reports them, and whether it reached them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from spec_compiler.diagnostics import Diagnostic, did_you_mean
from spec_compiler.graph import Graph
from spec_compiler.language.bounds import MetricBounds, number_text
from spec_compiler.spec import Spec
from spec_compiler.spec.expect import KEYS
from spec_compiler.training.history import History, Row
from spec_compiler.training.reported import reported_in


def unreported(spec: Spec, graph: Graph, metrics: Iterable[str]) -> Iterator[Diagnostic]:
    """SC605 for promised metrics that no epoch reports; nothing of a spec that does not train. Paths from `expect`."""
    if not spec.train or spec.compile is None or spec.data is None:
        return
    validates = spec.data.validates
    names = [*reported_in(spec, graph)]
    for name in metrics:
        if name not in names:
            help = did_you_mean(name, [*names, *KEYS], f"it reports {', '.join(f'`{each}`' for each in names)}")
            if name.startswith("val_") and not validates:
                help = "add `validation` to `data`"
            message = f"`expect` promises `{name}`, which the training does not report"
            yield Diagnostic("SC605", message, (name,), at_key=True, help=help)


def broken_metrics(spec: Spec, history: History) -> tuple[Diagnostic, ...]:
    """SC320 for each promised metric that no epoch of a run reached, SC321 for one that no epoch has; located."""
    found = (
        [spec.source.locate(each) for each in _broken(spec.expect.metrics, history, "`expect`")] if spec.expect else []
    )
    if spec.policy is not None:
        of_policy = _broken(spec.policy.expect.metrics, history, "the policy")
        found += [spec.policy.source.locate(each) for each in of_policy]
    return tuple(found)


def _broken(metrics: Mapping[str, MetricBounds], history: History, says: str) -> Iterator[Diagnostic]:
    for name, bounds in metrics.items():
        best = nearest(history, name, bounds)
        if best is None:
            yield Diagnostic("SC321", f"no epoch has a number for `{name}`, {says} promises one", ("expect", name))
            continue
        broken = bounds.broken_at(best.metrics[name])
        if broken is not None:
            below, bound = broken
            message = f"`{name}` came to {number_text(best.metrics[name])} in epoch {best.epoch}, {says} says {bound}"
            yield Diagnostic("SC320", message, ("expect", name, *below), notes=_notes(history, name, best))


def nearest(history: History, name: str, bounds: MetricBounds) -> Row | None:
    """The first epoch that keeps the bounds, or comes nearest to that; None where none has a number."""
    rows = [row for row in history if math.isfinite(row.metrics.get(name, math.nan))]
    return min(rows, key=lambda row: bounds.distance(row.metrics[name])) if rows else None


def _notes(history: History, name: str, best: Row) -> tuple[str, ...]:
    kept = history.best_epoch()
    if kept is None or kept.epoch == best.epoch or name not in kept.metrics:
        return ()
    return (f"`best.keras` is of epoch {kept.epoch}, whose `{name}` is {number_text(kept.metrics[name])}",)
