"""The curves of a run as pictures: loss and metrics over the epochs, training and validation, the phases marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spec_compiler.backend.training.checkpoints import replacing
from spec_compiler.files.figures import drawn
from spec_compiler.training.history import History

_TRAIN, _VALIDATION = "#4477aa", "#cc6677"
_PHASES = ("#f2f2f2", "#ffffff")


def draw_curves(
    history: History, files: Sequence[str], title: str = "", beside: tuple[str, History] | None = None
) -> bool:
    """Draws the history into each of the files (`.png`, `.svg`); whether that was possible: matplotlib is optional.

    `beside` is another run to compare with and what it is called, drawn in dashes.

    Raises:
        SpecError: SC608.
    """
    names = _panels(history)
    if not names:
        return False

    def draw(figure: Any) -> None:
        figure.set_size_inches(5.2 * len(names), 3.8)
        panels = figure.subplots(1, len(names), squeeze=False)[0]
        for panel, name in zip(panels, names, strict=True):
            _panel(panel, history, name)
            _mark_best(panel, history, name)
            if beside is not None:
                _lines(panel, beside[1], name, called=beside[0])
            panel.legend(loc="best", frameon=False)
        if title:
            figure.suptitle(title)

    pictures = drawn(draw)
    for file in files if pictures else ():
        with replacing(file) as temporary, open(temporary, "wb") as stream:
            stream.write(pictures[file.rpartition(".")[2]])
    return bool(pictures)


def _panels(history: History) -> list[str]:
    """Accuracy first, then loss, then up to two other metrics."""
    names = [name for name in history.metric_names if not name.startswith("val_")]
    names.sort(key=lambda name: 0 if "accuracy" in name else 1 if name == "loss" else 2)
    return names[:4]


def _panel(panel: Any, history: History, name: str) -> None:
    phases = history.phases()
    for index, (phase, first, last) in enumerate(phases):
        panel.axvspan(first - 0.5, last + 0.5, color=_PHASES[index % 2], zorder=0)
        if index:
            panel.axvline(first - 0.5, color="#999999", linewidth=0.8, linestyle=":")
        panel.text((first + last) / 2, 1.02, phase, transform=panel.get_xaxis_transform(), ha="center", fontsize=9)
    _lines(panel, history, name)
    panel.set_xlim(0.5, len(history) + 0.5)
    panel.set_xlabel("epoch")
    panel.set_ylabel(name)
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.spines[["top", "right"]].set_visible(False)


def _mark_best(panel: Any, history: History, name: str) -> None:
    """A ring around the best epoch, on the curve of what it goes by."""
    best = history.best_epoch()
    if best is not None and history.measure in (name, f"val_{name}"):
        style = {"markersize": 10, "markerfacecolor": "none", "markeredgecolor": "#222222", "linestyle": ""}
        panel.plot(
            [best.epoch], [best.metrics[history.measure]], marker="o", label=f"best: epoch {best.epoch}", **style
        )


def _lines(panel: Any, history: History, name: str, called: str = "") -> None:
    for key, color, label in ((name, _TRAIN, "training"), (f"val_{name}", _VALIDATION, "validation")):
        points = [(row.epoch, row.metrics[key]) for row in history if key in row.metrics]
        if points:
            style = {"linestyle": "--", "alpha": 0.7} if called else {"marker": "o", "markersize": 3}
            text = f"{label}, {called}" if called else label
            panel.plot(*zip(*points, strict=True), color=color, label=text, **style)
