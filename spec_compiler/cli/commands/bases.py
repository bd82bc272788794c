"""`bases`: the table of applications."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import click

from spec_compiler.cli.documented import Documented, format_option
from spec_compiler.cli.terminal import aligned, echo, joined, style
from spec_compiler.keras_facts.applications import Application, applications

ORDERS = {
    "name": lambda each: each.name,
    "parameters": lambda each: each.parameters,
    "cost": lambda each: each.multiply_adds or 0,
    "accuracy": lambda each: -(each.top1 or 0.0),
}
_COLUMNS = ("name", "size", "parameters", "layers", "multiply-adds", "top-1", "top-5", "preprocessing")


@click.command(cls=Documented)
@click.option("--sort", type=click.Choice(list(ORDERS)), default="name", show_default=True, help="What to sort by.")
@format_option("text", "json", "markdown")
def bases(sort: str, format_: str) -> None:
    """Print all applications: default size, parameters, layers, multiply-adds and published accuracy.

    Figures are of the model with its top on an image of its default size; accuracies are Keras's own, on ImageNet.
    """
    rows = sorted(applications().values(), key=ORDERS[sort])
    if format_ == "json":
        echo(json.dumps({"format_version": 1, "applications": [asdict(each) for each in rows]}, indent=2))
    else:
        echo(_table(rows, markdown=format_ == "markdown"))


def _table(rows: Sequence[Application], markdown: bool) -> str:
    figures = range(1, len(_COLUMNS) - 1)  # every column but the first and the last
    head, *lines = aligned([_COLUMNS, *(_cells(each) for each in rows)], right=figures)
    if markdown:
        rule = ["-" * (len(cell) - 1) + ":" if at in figures else "-" * len(cell) for at, cell in enumerate(head)]
        return joined(f"| {' | '.join(row)} |" for row in (head, rule, *lines))
    return joined([style("  ".join(head).rstrip(), bold=True), *("  ".join(row).rstrip() for row in lines)])


def _cells(application: Application) -> tuple[str, ...]:
    cost = "?" if application.multiply_adds is None else f"{application.multiply_adds / 1e9:.2f} G"
    accuracies = ("-" if value is None else f"{value:.1f} %" for value in (application.top1, application.top5))
    return (
        application.name,
        str(application.size),
        f"{application.parameters:,}",
        str(application.layers),
        cost,
        *accuracies,
        application.preprocessing,
    )
