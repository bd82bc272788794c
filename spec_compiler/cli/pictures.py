"""Pictures and reports as files, in the format that the file's suffix names."""

from __future__ import annotations

import os
from dataclasses import dataclass

import click

from spec_compiler.cli.save import save_bytes, save_text
from spec_compiler.diagnostics import SpecError
from spec_compiler.diagram import DrawError, render, to_dot, to_html, to_mermaid, to_tree
from spec_compiler.diagram.report import Matches
from spec_compiler.files.outputs import ready
from spec_compiler.plan import Plan
from spec_compiler.plan.ledger import LedgerRow, WeightLedger
from spec_compiler.reading import Damaged
from spec_compiler.reading.text import read_json
from spec_compiler.text.source import Source

SUFFIXES = (".svg", ".png", ".dot", ".mmd", ".html", ".txt")
FORMATS = "`.svg`, `.png`, `.dot`, `.mmd` (Mermaid), `.html` (the report) or `.txt` (a tree)"

unfold_option = click.option("--unfold", is_flag=True, help="Draw every layer, also long runs that do not change.")
context_option = click.option(
    "--context", type=click.IntRange(0), default=1, show_default=True, help="Unfolded layers around a change."
)


@dataclass(frozen=True)
class Picture:
    """What a picture shows."""

    view: str
    unfold: bool
    context: int


def write_picture(
    plan: Plan,
    output: str,
    picture: Picture,
    force: bool,
    *,
    source: Source | None = None,
    ledger: WeightLedger | None = None,
    matches: Matches | None = None,
) -> None:
    """Writes a plan as a picture. The report always holds every view.

    Raises:
        SpecError: SC508.
        click.ClickException: the picture cannot be drawn.
    """
    suffix = os.path.splitext(output)[1]
    if suffix == ".html":
        save_text(to_html(plan, source=source, ledger=ledger, context=picture.context, matches=matches), output, force)
        return
    # Whatever else ends in a suffix that `check_output` lets through is Graphviz's.
    written = {".mmd": to_mermaid, ".txt": to_tree}.get(suffix, to_dot)
    text = written(plan, picture.view, unfold=picture.unfold, context=picture.context)
    if written is not to_dot:
        save_text(text, output, force)
        return
    try:
        drawn = render(text, suffix[1:])
    except DrawError as error:
        raise _NotDrawn(str(error)) from None
    save_bytes(drawn, output, force)


class _NotDrawn(click.ClickException):
    exit_code = 2  # no fault of the spec


def check_output(output: str, force: bool) -> None:
    """Checks, before any work, that a picture may be written there."""
    ready(output, force, suffixes=SUFFIXES)


def read_ledger(path: str) -> WeightLedger:
    """The ledger that `build` wrote beside a model.

    Raises:
        SpecError: SC502 where the file is something else.
    """
    try:
        data = read_json(path)
        rows = tuple(LedgerRow(**{**row, "shape": tuple(row["shape"])}) for row in data["rows"])
        return WeightLedger(
            rows, data["num_base_variables"], tuple(data.get("unused", ())), None, tuple(data.get("unverified", ()))
        )
    except (Damaged, KeyError, TypeError, AttributeError) as error:
        reason = str(error) if isinstance(error, Damaged) and not os.path.isfile(path) else "it is not a weight ledger"
        raise SpecError.single(
            "SC502", f"`{path}` cannot be read: {reason}", help="name the `.ledger.json` that `build` wrote"
        ) from None
