"""The pictures of a report, PNG and SVG: a confusion matrix, what was found of each label, numbers beside true ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spec_compiler.diagnostics.printable import printable
from spec_compiler.evaluation.evaluation import Measure
from spec_compiler.evaluation.measures.classes import Classes
from spec_compiler.evaluation.measures.labels import Labels
from spec_compiler.evaluation.measures.numbers import Numbers
from spec_compiler.evaluation.measures.scores import ratio
from spec_compiler.files.figures import drawn

MOST_NUMBERED = 25  # classes; more have no room for a number in each cell
MOST_NAMED = 60
_LONGEST = 24  # letters of a name


def draw(measure: Measure, title: str) -> dict[str, bytes]:
    """The report's picture by its format, `png` and `svg`; empty where there is no matplotlib."""

    def draw_on(figure: Any) -> None:
        if isinstance(measure, Numbers):
            _points(figure, measure)
        else:
            _cells(figure, measure)
        figure.suptitle(_short(title, 70), fontsize=11)

    return drawn(draw_on)


def _cells(figure: Any, measure: Classes | Labels) -> None:
    if isinstance(measure, Classes):
        counts, columns = measure.counts, [*measure.names]
        shares = ratio(counts, np.broadcast_to(counts.sum(1, keepdims=True), counts.shape))
        figure_size = min(4 + 0.42 * len(measure.names), 16)
        figure.set_size_inches(figure_size + 0.9, figure_size)
    else:
        absent, wrong, missed, right = np.array(measure.counts, "int64").reshape(-1, 4).T
        counts = np.stack([right, missed, wrong, absent], axis=1)
        totals = np.stack([right + missed] * 2 + [absent + wrong] * 2, axis=1)
        shares, columns = ratio(counts, totals), ["found", "missed", "wrongly\npredicted", "rightly not\npredicted"]
        figure.set_size_inches(6.4, min(2.4 + 0.34 * len(measure.names), 20))
    panel = figure.subplots()
    image = panel.imshow(
        shares, cmap="Blues", vmin=0, vmax=1, aspect="equal" if isinstance(measure, Classes) else "auto"
    )
    _ticks(panel, "y", measure.names)
    if isinstance(measure, Classes):
        _ticks(panel, "x", columns)
    else:
        panel.set_xticks(range(len(columns)), columns)
    upright = isinstance(measure, Classes) and max(map(len, columns), default=0) * len(columns) > 60
    panel.tick_params(axis="x", rotation=90 if upright else 0)
    if isinstance(measure, Classes):
        panel.set_xlabel("predicted")
        panel.set_ylabel("true")
    if len(counts) <= MOST_NUMBERED or isinstance(measure, Labels):
        size = 9 if counts.max(initial=0) < 1000 and len(counts) <= 15 else 7
        for (row, column), count in np.ndenumerate(counts):
            if count:
                color = "white" if shares[row, column] > 0.55 else "#333333"
                panel.text(column, row, f"{count:,}", ha="center", va="center", color=color, fontsize=size)
    bar = figure.colorbar(image, ax=panel, shrink=0.8)
    bar.set_label("share of the row" if isinstance(measure, Classes) else "share of those with,\nor without, the label")
    bar.outline.set_visible(False)
    panel.spines[:].set_visible(False)


def _points(figure: Any, measure: Numbers) -> None:
    figure.set_size_inches(5.2, 5)
    panel = figure.subplots()
    points = np.array(measure.points, "float64").reshape(-1, 2)
    if len(points):
        ends = [float(points.min()), float(points.max())]
        panel.plot(ends, ends, color="#999999", linewidth=0.9, linestyle="--")
        panel.plot(points[:, 0], points[:, 1], "o", color="#4477aa", markersize=3, alpha=0.6, markeredgewidth=0)
    panel.set_xlabel("true")
    panel.set_ylabel("predicted")
    panel.spines[["top", "right"]].set_visible(False)


def _ticks(panel: Any, axis: str, names: Sequence[str]) -> None:
    step = -(-len(names) // MOST_NAMED)
    at = list(range(0, len(names), step or 1))
    set_ticks = panel.set_xticks if axis == "x" else panel.set_yticks
    set_ticks(at, [_short(names[each], _LONGEST) for each in at])


def _short(text: str, most: int) -> str:
    text = printable(text)
    return text if len(text) <= most else text[: most - 1] + "…"
