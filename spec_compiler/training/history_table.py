"""A history as a table, as HTML and as Markdown, of the width of a notebook's cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from spec_compiler.diagnostics.cells import Markup, cell, element, table
from spec_compiler.diagnostics.printable import printable

if TYPE_CHECKING:
    from spec_compiler.training.history import History, Row

MOST_ROWS = 24  # epochs; of more the first and last are shown, and the best
MOST_METRICS = 6


def html(history: History) -> str:
    """The table of the epochs, the best one in bold."""
    return cell(table_of(history))


def table_of(history: History) -> Markup:
    """It as a part of a cell; it scrolls where that is narrower."""
    head, *rows = _rows(history)
    shown = [
        [element("b", each) if is_best else each for each in row] for row, is_best in rows_with_best(history, rows)
    ]
    return table(head, shown, numbers=(0, *range(2, len(head))), most=len(shown))


def markdown(history: History) -> str:
    """The same as Markdown."""
    head, *rows = _rows(history)
    lines = [f"| {' | '.join(map(_cell, head))} |", f"|{'---:|' * len(head)}"]
    for cells, is_best in rows_with_best(history, rows):
        shown = [f"**{_cell(each)}**" if is_best and each else _cell(each) for each in cells]
        lines.append(f"| {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def rows_with_best(history: History, rows: list[list[str]]) -> Iterator[tuple[list[str], bool]]:
    """Each row, and whether it is of the best epoch."""
    best = history.best_epoch()
    number = str(best.epoch) if best is not None else None
    yield from ((row, row[0] == number) for row in rows)


def _rows(history: History) -> list[list[str]]:
    names = list(history.metric_names)
    measure = history.measure
    # what the best epoch goes by is always shown
    names = [*names[:MOST_METRICS], *([measure] if measure in names[MOST_METRICS:] else [])]
    head = ["epoch", "phase", *names, "s"]
    return [head, *(_cells(row, names) for row in _shown(history))]


def _shown(history: History) -> Iterator[Row | None]:
    rows, best = history.rows, history.best_epoch()
    if len(rows) <= MOST_ROWS:
        yield from rows
        return
    half = MOST_ROWS // 2
    yield from rows[:half]
    yield None
    if best is not None and half < best.epoch <= len(rows) - half:
        yield best
        yield None
    yield from rows[-half:]


def _cells(row: Row | None, names: list[str]) -> list[str]:
    if row is None:
        return ["…", "", *("" for _ in names), ""]
    metrics = [f"{row.metrics[name]:.4f}" if name in row.metrics else "" for name in names]
    return [str(row.epoch), row.phase, *metrics, f"{row.seconds:.1f}"]


def _cell(text: str) -> str:
    return (
        printable(text)
        .replace("\\", "\\\\")
        .replace("|", "\\|")
        .replace("_", "\\_")
        .replace("*", "\\*")
        .replace("<", "&lt;")
    )
