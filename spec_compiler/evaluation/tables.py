"""The reports as tables: rows of text that the terminal, Markdown and the page all show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from spec_compiler.diagnostics.printable import printable, printable_lines
from spec_compiler.evaluation.measures.classes import Classes
from spec_compiler.evaluation.measures.numbers import Numbers
from spec_compiler.evaluation.measures.scores import Scores

if TYPE_CHECKING:
    from spec_compiler.evaluation.evaluation import Evaluation, Measure

MOST_ROWS = 60  # that Markdown and notebooks show


class Table(NamedTuple):
    """A head and rows; the first column is a name, all others are numbers. The rows from `averages` on sum up."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    averages: int


def table_of(measure: Measure) -> Table:
    """The scores of each class, label or column, and their averages.

    >>> table_of(Classes("answer", ("cat", "dog"), ((3, 1), (0, 4)))).rows[0]
    ('cat', '1.0000', '0.7500', '0.8571', '4')
    """
    if isinstance(measure, Numbers):
        rows = [
            (name, *(_number(value) for value in row)) for name, row in zip(measure.names, measure.rows, strict=True)
        ]
        return Table(("", "MAE", "RMSE", "R²", "bias"), tuple(rows), len(rows))
    what = "class" if isinstance(measure, Classes) else "label"
    head = (
        what,
        "precision",
        "recall",
        "F1",
        *(("IoU",) if measure.places else ()),
        "pixels" if measure.places else "samples",
    )
    rows = [_row(name, scores, measure.places) for name, scores in zip(measure.names, measure.rows, strict=True)]
    means = [_row(name, scores, measure.places) for name, scores in measure.averages.items()]
    return Table(head, (*rows, *means), len(rows))


def figures_of(measure: Measure) -> list[tuple[str, str]]:
    """What sums a report up, as names with numbers: `("accuracy", "0.9667")`."""
    return [(_called(name), _number(value)) for name, value in measure.figures.items()]


def summary_of(measure: Measure) -> str:
    """A report in a line: how much is right, and what is confused most."""
    unit = "pixels" if measure.places else "samples"
    if isinstance(measure, Numbers):
        return ", ".join(f"{name} {value}" for name, value in figures_of(measure))
    if isinstance(measure, Classes):
        text = f"{measure.num_right:,} of {measure.total:,} {unit} right, {measure.accuracy:.2%}"
        pairs = [
            f"{true} for {told} ({'once' if count == 1 else f'{count:,} times'})"
            for true, told, count in measure.confused(3)
        ]
        return text + (f"; taken wrongly: {', '.join(pairs)}" if pairs and len(measure.names) > 2 else "")
    return f"every label right in {measure.num_exact:,} of {measure.total:,} {unit}, {measure.accuracy:.2%}"


def absent_of(measure: Measure) -> str | None:
    """A line about classes without a sample, whose scores are 0 and pull the means down."""
    names = () if isinstance(measure, Numbers) else measure.absent
    if not names:
        return None
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return f"no sample of {shown}: recall and F1 count as 0 there, in the macro average too"


def markdown(evaluation: Evaluation) -> str:
    """The figures and tables as Markdown."""
    metrics = "".join(f"| {_cell(name)} | {_number(value)} |\n" for name, value in evaluation.metrics.items())
    lines = [
        f"### {_cell(evaluation.model)}",
        "",
        f"{evaluation.num_samples:,} samples of {_cell(evaluation.data)}.",
        "",
    ]
    lines += ["| | |\n|---|---:|\n" + metrics] if metrics else []
    for measure in evaluation.outputs:
        table = table_of(measure)
        lines += [f"**{_cell(measure.output)}**: {_cell(summary_of(measure))}.", ""]
        lines += [f"| {' | '.join(table.head)} |", f"|---|{'---:|' * (len(table.head) - 1)}"]
        shown = [*table.rows[: min(table.averages, MOST_ROWS)], *table.rows[table.averages :]]
        lines += [f"| {' | '.join(map(_cell, row))} |" for row in shown]
        lines += [f"\nand {table.averages - MOST_ROWS} more."] if table.averages > MOST_ROWS else []
        lines += ["", *([f"{_cell(said)}.", ""] if (said := absent_of(measure)) else [])]
    lines += [f"{_cell(note)}." for note in evaluation.notes]
    return printable_lines("\n".join(lines).rstrip("\n")) + "\n"


def _row(name: str, scores: Scores, places: bool) -> tuple[str, ...]:
    figures = [scores.precision, scores.recall, scores.f1, *([scores.iou] if places else [])]
    return (name, *(f"{value:.4f}" for value in figures), f"{scores.support:,}")


def _number(value: float) -> str:
    """Four places after the point, or four digits of what is small or large.

    >>> _number(0.98333), _number(0.00001234), _number(123456.0)
    ('0.9833', '1.234e-05', '1.235e+05')
    """
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.4g}"


def _called(name: str) -> str:
    return {"mae": "MAE", "rmse": "RMSE", "r2": "R²", "roc_auc": "ROC AUC", "mean_iou": "mean IoU"}.get(
        name, name.replace("_", " ")
    )


def _cell(text: str) -> str:
    text = " ".join(printable(text).split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\|`*\[\]~_])", lambda sign: "\\" + sign[0], text)
