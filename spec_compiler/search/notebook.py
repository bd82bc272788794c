"""A sweep in a notebook: a table that grows with its trials."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from spec_compiler.diagnostics.cells import cell, heading, table
from spec_compiler.search.events import Event, Found, Watcher
from spec_compiler.search.table import rows
from spec_compiler.search.trial import Trial
from spec_compiler.training.measure import Measure


def table_html(trials: Sequence[Trial], variables: Sequence[str], metric: Measure, title: str = "") -> str:
    """The trials as a table, the best above."""
    header, *body = rows(trials, variables, metric.name, metric.largest)
    return cell(heading(title) if title else "", table(header, body, numbers=range(len(header) - 1)))


def watching() -> Watcher:
    """Shows a table that grows, in a notebook; elsewhere nothing is shown."""
    ipython: Any = sys.modules.get("IPython")  # loaded, where this is one
    if ipython is None or getattr(ipython.get_ipython(), "kernel", None) is None:
        return lambda event, found: None
    display = ipython.display
    handle = display.display(display.HTML("checking the points of the sweep"), display_id=True)

    def watch(event: Event, found: Found) -> None:
        if event.kind in ("begun", "ended"):
            done = sum(each.state in ("done", "pruned", "failed") for each in found.trials)
            title = f"{found.name}: {done} of {found.sweep.num_trials} trials done"
            handle.update(display.HTML(table_html(found.trials, tuple(found.sweep.vars), found.metric, title)))

    return watch
