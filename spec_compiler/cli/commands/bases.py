"""`bases`: the table of applications."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import click

from spec_compiler.cli.terminal import echo, joined, style
from spec_compiler.keras_facts.applications import Application, applications

ORDERS = {
    "name": lambda each: each.name,
    "parameters": lambda each: each.parameters,
    "cost": lambda each: each.multiply_adds or 0,
    "accuracy": lambda each: -(each.top1 or 0.0),
}
_COLUMNS = ("name", "size", "parameters", "layers", "multiply-adds", "top-1", "top-5", "preprocessing")


@click.command()
@click.option("--sort", type=click.Choice(list(ORDERS)), default="name", show_default=True)
@click.option("--format", "format_", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
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
    cells = [_COLUMNS, *(_cells(each) for each in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_COLUMNS))]
    left = (0, len(_COLUMNS) - 1)
    lines = []
    for number, row in enumerate(cells):
        padded = [text.ljust(width) if at in left else text.rjust(width) for at, (text, width) in
                  enumerate(zip(row, widths, strict=True))]  # fmt: skip
        if markdown:
            lines.append(f"| {' | '.join(padded)} |")
            if not number:
                rule = ["-" * width if at in left else "-" * (width - 1) + ":" for at, width in enumerate(widths)]
                lines.append(f"| {' | '.join(rule)} |")
        else:
            text = "  ".join(padded).rstrip()
            lines.append(style(text, bold=True) if not number else text)
    return joined(lines)


def _cells(each: Application) -> tuple[str, ...]:
    cost = "?" if each.multiply_adds is None else f"{each.multiply_adds / 1e9:.2f} G"
    accuracies = ("-" if value is None else f"{value:.1f} %" for value in (each.top1, each.top5))
    return (
        each.name,
        str(each.size),
        f"{each.parameters:,}",
        str(each.layers),
        cost,
        *accuracies,
        each.preprocessing,
    )
