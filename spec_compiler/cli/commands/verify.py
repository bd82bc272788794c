"""`verify`: whether a model's file is what a spec makes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence

import click

from spec_compiler.cli import options
from spec_compiler.cli.documented import Documented, format_option
from spec_compiler.cli.options import SpecCall
from spec_compiler.cli.progress import progress
from spec_compiler.cli.rendered import render_all
from spec_compiler.cli.terminal import NEWLINE, Shown, aligned, counted, echo, joined, shown, style
from spec_compiler.reproducing.verification import LayerState, Verification
from spec_compiler.reproducing.verifying import verify_model

_MARKS = {True: ("!", "red"), False: ("=", "green")}


@click.command(cls=Documented)
@click.argument("model", type=click.Path())
@click.argument("spec", type=click.Path(), required=False)
@options.set_option
@options.policy_option
@click.option("--ledger", type=click.Path(dir_okay=False), help="The model's ledger  [default: beside the model]")
@click.option(
    "--trained",
    is_flag=True,
    help="Somebody trained the model without the spec's `train`: layers that are not frozen may differ.",
)
@options.permission_options
@format_option("text", "json")
@options.sandbox_option
@options.gathered(SpecCall, "call")
def verify(call: SpecCall, model: str, ledger: str | None, trained: bool, format_: str) -> None:
    """Say whether MODEL is what SPEC makes: its structure, kept weights by checksum, trained ones as such.

    Without SPEC, the spec is the one that MODEL itself names. Exit status 1 if anything differs.
    """
    with progress("verifying"):
        found = verify_model(
            model,
            call.spec or None,
            overrides=call.overrides,
            ledger=ledger,
            trained=trained,
            allow_code=call.allow_code,
            restrict_paths=call.restrict_paths,
            policy=call.policy,
        )
    if format_ == "json":
        echo(json.dumps(found.to_json(), indent=2))
    else:
        echo(verification_text(found))
        if found.drift:
            echo(NEWLINE + render_all(found.drift), err=True)
    sys.exit(0 if found.is_as_specified else 1)


def verification_text(found: Verification) -> Shown:
    """A line for each layer, or for layers one after the other that are alike, then all of it in one."""
    rows = [*_rows(found)]
    cells = aligned([row[1:] for row in rows], right=()) if rows else []
    lines: list[str] = []
    for row, texts in zip(rows, cells, strict=True):
        mark, color = _MARKS[row[0] == "!"]
        lines.append(style(f"  {mark} {'  '.join(texts)}".rstrip(), fg=color if row[0] == "!" else None))
    verdict = "as the spec makes it" if found.is_as_specified else "not what the spec makes"
    head = style(found.model, bold=True) + f" beside {found.spec}"
    return joined(
        [
            head,
            "",
            *lines,
            "",
            style(f"{verdict[0].upper()}{verdict[1:]}: ", bold=True) + f"{found.summary}.",
            *(shown(f"Note: {each}") for each in found.notes),
        ]
    )


def _rows(found: Verification) -> Iterator[tuple[str, str, str, str]]:
    """Mark, names, class, and what the weights are."""
    for layers in _runs(found.layers):
        first, last = layers[0], layers[-1]
        said = _said(next((each for each in layers if each.variables), first))
        if len(layers) == 1:
            yield "!" if first.is_drifted else "=", first.name, first.class_name, said
        else:
            count = sum(len(layer.variables) for layer in layers)
            variables = f", {counted(count, 'variable')}" if count else ""
            yield "=", f"{first.name} … {last.name}", counted(len(layers), "layer"), f"{said}{variables}"


def _runs(layers: Sequence[LayerState]) -> list[list[LayerState]]:
    """Layers one after the other of which the same is said; one without weights goes along with those before it."""
    runs: list[list[LayerState]] = []
    for layer in layers:
        before = runs[-1] if runs and not runs[-1][0].is_drifted and not layer.is_drifted else []
        states = next((each.states for each in before if each.variables), ())
        if before and (not layer.variables or not states or states == layer.states):
            before.append(layer)
        else:
            runs.append([layer])
    return runs


def _said(layer: LayerState) -> str:
    if layer.drift:
        return "; ".join(layer.drift)
    if not layer.variables:
        return "no weights"
    differing = [each.name for each in layer.variables if each.state == "differs"]
    others = ", ".join(state for state in layer.states if state != "differs")
    return f"{', '.join(differing)} differs" if differing else others
