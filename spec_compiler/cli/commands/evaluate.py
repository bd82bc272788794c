"""`evaluate`: how good a trained model is, on the test part of its run or on a labelled folder."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import click

from spec_compiler.cli.class_names import class_names, imagenet_names
from spec_compiler.cli.documented import Documented, format_option
from spec_compiler.cli.image_options import picture_options
from spec_compiler.cli.options import permission_options
from spec_compiler.cli.progress import progress
from spec_compiler.cli.terminal import TO_THE_START, Shown, aligned, echo, joined, shown, style
from spec_compiler.diagnostics import SpecError
from spec_compiler.files.run_folder import EVALUATION
from spec_compiler.files.writable import check_writable

if TYPE_CHECKING:
    from spec_compiler.evaluation import Evaluation

PARTS = ("test", "validation", "train")


@click.command(cls=Documented)
@click.argument("model", type=click.Path())
@click.option(
    "--data", type=click.Path(), metavar="FOLDER", help="A folder with one folder a class, in place of the run's."
)
@click.option(
    "--part", type=click.Choice(PARTS), help="Which part of the run's data  [default: test, or else validation]."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False),
    help=f"Where pictures, tables and the page go  [default: `{EVALUATION}` in the run's folder, without --data].",
)
@picture_options
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=32,
    show_default=True,
    help="With --data: how many samples at a time.",
)
@click.option(
    "--worst", type=click.IntRange(0), default=48, show_default=True, help="How many mistakes the page shows."
)
@format_option("text", "json", "markdown")
@click.option("--force", is_flag=True, help="Overwrite what another evaluation wrote into --output.")
@permission_options
def evaluate(
    model: str,
    data: str | None,
    part: str | None,
    output: str | None,
    labels: str | None,
    size: tuple[int, int] | None,
    interpolation: str | None,
    preprocess: str | None,
    batch_size: int,
    worst: int,
    format_: str,
    force: bool,
    allow_code: bool,
    restrict_paths: bool,
) -> None:
    """Say how good MODEL is: the folder of a run, or a saved model with `--data`.

    Loss and metrics, a report of each class, the confusion matrix, and a page with the worst mistakes: for classes,
    labels and numbers alike.
    """
    if data is not None and part is not None:
        raise click.UsageError("`--part` is one of the run's data, `--data` is in place of it")
    for option, value in (("--size", size), ("--interpolation", interpolation), ("--preprocess", preprocess)):
        if value is not None and data is None:
            raise click.UsageError(f"`{option}` is for the images of `--data`; the run's are read as its spec says")
    names = (imagenet_names(ids=True) if labels == "imagenet" else class_names(labels)) if labels else None
    from spec_compiler.evaluation.evaluator import evaluate as evaluated  # loads NumPy
    from spec_compiler.evaluation.files import FIGURES, PAGE, written
    from spec_compiler.evaluation.targets import target_of

    target = target_of(model)
    if output is None and data is None and target.run is not None:
        output = os.path.join(target.run, EVALUATION)
        check_writable(output, "the evaluation", "SC508")
    elif output is not None:
        _ready(output, FIGURES, force)
    with progress("evaluating"):
        found = evaluated(
            model,
            data,
            part=part,  # type: ignore[arg-type]  # one of `PARTS`
            labels=names,
            batch_size=batch_size,
            size=size,
            interpolation=interpolation,
            preprocess=preprocess,
            worst=worst,
            allow_code=allow_code,
            restrict_paths=restrict_paths,
            seen=_count,
        )
    if format_ == "json":
        echo(json.dumps(found.to_json(), indent=1))
    elif format_ == "markdown":
        echo(found.to_markdown().rstrip("\n"))
    else:
        echo(evaluation_text(found))
    if output is None:
        echo("`--output FOLDER` writes the pictures, tables and the page of the worst mistakes", err=True)
        return
    files = written(found, output)
    echo(f"saved {', '.join(files)} in {output}", err=format_ != "text")
    if not any(each.endswith(".png") for each in files) and found.outputs:
        echo("no picture was drawn: matplotlib is not installed (`pip install matplotlib`)", err=True)
    if found.num_mistakes and format_ == "text":
        echo(f"the worst mistakes: {os.path.join(output, PAGE)}")


def _ready(output: str, figures: str, force: bool) -> None:
    """Checks, before any work, that a folder may be written."""
    check_writable(output, "the evaluation", "SC508")
    if os.path.exists(os.path.join(output, figures)) and not force:
        help = "add `--force` to overwrite it, or name another folder"
        raise SpecError.single("SC508", f"`{output}` already holds an evaluation", help=help)


def _count(count: int, total: int | None) -> None:
    if sys.stderr.isatty() and total:
        echo(TO_THE_START + f"evaluating {count}/{total}", err=True, nl=count >= total)


def evaluation_text(evaluation: Evaluation, most: int = 30) -> Shown:
    """An evaluation for a terminal: loss and metrics, then a table for each output."""
    from spec_compiler.evaluation.tables import absent_of, figures_of, summary_of, table_of  # loads NumPy

    epoch = f", epoch {evaluation.epoch}" if evaluation.epoch is not None else ""
    lines: list[str] = [
        style(evaluation.model, bold=True) + f" on {evaluation.num_samples:,} samples of {evaluation.data}{epoch}"
    ]
    if evaluation.metrics:
        lines.append("  " + "  ".join(f"{name} {value:.4f}" for name, value in evaluation.metrics.items()))
    for measure in evaluation.outputs:
        table = table_of(measure)
        shown_rows = [*table.rows[: min(table.averages, most)], *table.rows[table.averages :]]
        rows = aligned([table.head, *shown_rows], right=range(1, len(table.head)))
        lines += ["", style(measure.output, bold=True) + f": {summary_of(measure)}"]
        figures = [f"{name} {value}" for name, value in figures_of(measure) if name not in evaluation.metrics]
        if figures and measure.kind != "numbers":
            lines.append(f"  {'  '.join(figures)}")
        lines += ["", *("  " + "  ".join(row) for row in rows)]
        if table.averages > most:
            lines.append(f"  and {table.averages - most} more, in scores.csv")
        if (said := absent_of(measure)) is not None:
            lines += ["", f"  {said}"]
    lines += ["", *evaluation.notes] if evaluation.notes else []
    return joined(map(shown, lines))
