"""A sweep as a picture: the value of each trial with the best so far, and a panel for each variable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from spec_compiler.files.figures import drawn
from spec_compiler.files.whole import whole_file
from spec_compiler.search.table import best_of
from spec_compiler.search.trial import Trial
from spec_compiler.spec.sweep import Sweep
from spec_compiler.spec.swept import value_text
from spec_compiler.spec.swept_values import Values
from spec_compiler.training.measure import Measure

# Told apart by form as well as by colour; the colours by people who see few of them, too (Paul Tol's palette).
_DONE, _PRUNED, _BEST = "#4477aa", "#bbbbbb", "#cc6677"
_FEW = 8  # values of a range that stand beside each other, as those of a list do
_LONG = 18  # letters of a label


def draw_sweep(trials: Sequence[Trial], sweep: Sweep, metric: Measure, files: Sequence[str], title: str) -> bool:
    """Draws the trials into each of the files (`.png`, `.svg`); whether that was possible: matplotlib is optional.

    Raises:
        OSError: a file cannot be written.
    """
    shown = [each for each in trials if each.state in ("done", "pruned") and _is_number(each.value)]
    pictures = drawn(lambda figure: _draw(figure, shown, sweep, metric, title)) if shown else {}
    for file in files if pictures else ():
        with whole_file(file) as temporary, open(temporary, "wb") as stream:
            stream.write(pictures[file.rpartition(".")[2]])
    return bool(pictures)


def _draw(figure: Any, shown: Sequence[Trial], sweep: Sweep, metric: Measure, title: str) -> None:
    names = ["", *sweep.vars]
    columns = 2 if len(names) == 4 else min(len(names), 3)  # rows that are whole, panels that are legible
    num_rows = math.ceil(len(names) / columns)
    figure.set_size_inches(4.4 * columns, 3.5 * num_rows)
    panels = figure.subplots(num_rows, columns, squeeze=False).flatten()
    best = best_of(shown, metric.largest)
    _over_trials(panels[0], shown, best, metric)
    for panel, name in zip(panels[1:], sweep.vars, strict=False):
        _over_values(panel, shown, best, name, sweep.vars[name], metric)
    for panel in panels[: len(names)]:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", color="#e5e5e5", linewidth=0.8)
        panel.set_axisbelow(True)
    for panel in panels[len(names) :]:
        panel.set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.suptitle(title)


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _over_trials(panel: Any, trials: Sequence[Trial], best: Trial | None, metric: Measure) -> None:
    """The trials in their order, with a line that says how good the best was by then."""
    _points(panel, [(each.number, each) for each in trials], best)
    steps: list[tuple[int, float]] = []
    for each in trials:
        if each.state == "done" and each.value is not None:
            so_far = steps[-1][1] if steps else each.value
            steps.append((each.number, (max if metric.largest else min)(so_far, each.value)))
    if steps:
        steps.append((max(each.number for each in trials), steps[-1][1]))
        xs, ys = zip(*steps, strict=True)
        panel.step(xs, ys, where="post", color=_BEST, linewidth=1.2, label="best so far", zorder=1)
    panel.set_xlabel("trial")
    panel.set_ylabel(metric.name)
    panel.xaxis.get_major_locator().set_params(integer=True)


def _over_values(
    panel: Any, trials: Sequence[Trial], best: Trial | None, name: str, values: Values, metric: Measure
) -> None:
    """The trials by the value that one variable had."""
    if values.kind is None or (values.count is not None and values.count <= _FEW):
        labels = [value_text(values.at(index)) for index in range(values.count or 0)]
        # beside each other, so that none of those of one value hides another
        at = {label: [each for each in trials if value_text(each.point[name]) == label] for label in labels}
        placed = [
            (index + 0.12 * (order - (len(same) - 1) / 2) / max(1, len(same) / 4), each)
            for index, same in enumerate(at.values())
            for order, each in enumerate(same)
        ]
        _points(panel, placed, best)
        short = [label if len(label) <= _LONG else f"{label[: _LONG - 1]}…" for label in labels]
        turned = sum(map(len, short)) > 28
        panel.set_xticks(range(len(labels)), short, rotation=30 if turned else 0, ha="right" if turned else "center")
        panel.set_xlim(-0.5, len(labels) - 0.5)
    else:
        _points(panel, [(each.point[name], each) for each in trials], best)
        if values.is_log:
            panel.set_xscale("log")
            panel.set_xlim(values.low / 1.2, values.high * 1.2)
        else:
            room = 0.05 * (values.high - values.low)
            panel.set_xlim(values.low - room, values.high + room)
    panel.set_xlabel(name)
    panel.set_ylabel(metric.name)


def _points(panel: Any, placed: Sequence[tuple[float, Trial]], best: Trial | None) -> None:
    kinds: Sequence[tuple[str, dict[str, Any], list[tuple[float, Trial]]]] = (
        ("done", {"marker": "o", "color": _DONE, "s": 34}, [each for each in placed if each[1].state == "done"]),
        ("pruned", {"marker": "x", "color": _PRUNED, "s": 34}, [each for each in placed if each[1].state == "pruned"]),
        (
            "best",
            {"marker": "*", "color": _BEST, "s": 150, "edgecolor": "white"},
            [each for each in placed if each[1] is best],
        ),
    )
    for label, style, those in kinds:
        points = [(at, each.value) for at, each in those if each is not best or label == "best"]
        if points:
            panel.scatter(*zip(*points, strict=True), label=label, zorder=3, **style)
