"""The commands around an edit: plan, build, diagram, layers."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

import click

from spec_compiler.cli.formats import PLAN_FORMATS, PLAN_SUFFIXES, plan_as
from spec_compiler.cli.options import of_the_call, permission_options, policy_option, sandbox_option, set_option
from spec_compiler.cli.pictures import FORMATS, check_output, read_ledger, write_picture
from spec_compiler.cli.progress import progress
from spec_compiler.cli.show import ledger_text, plan_text, render_all, table_text
from spec_compiler.cli.terminal import NEWLINE, echo
from spec_compiler.compiler import compile_spec, plan_spec
from spec_compiler.plan.warnings import lint
from spec_compiler.spec import load_spec
from spec_compiler.spec.output_paths import check_outputs

VIEWS = ("before", "after", "side-by-side", "diff")

spec_argument = click.argument("spec", type=click.Path())


@click.command()
@spec_argument
@set_option
@policy_option
@permission_options
@click.option(
    "--format", "format_", type=click.Choice(PLAN_FORMATS), help="[default: as the output's suffix says, or text]"
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write it to a `.txt`, `.md` or `.json` file.")
@click.option("--force", is_flag=True, help="Overwrite a file that exists.")
@sandbox_option
def plan(
    spec: str,
    overrides: tuple[str, ...],
    policy: str | None,
    allow_code: bool,
    restrict_paths: bool,
    format_: str | None,
    output: str | None,
    force: bool,
) -> None:
    """Show what a spec would change, without reading weights."""
    from spec_compiler.cli.save import ready, save_text

    if output:
        ready(output, force, suffixes=tuple(PLAN_SUFFIXES))
        format_ = format_ or PLAN_SUFFIXES[os.path.splitext(output)[1]]
    with progress("planning"):
        loaded = load_spec(spec, overrides=overrides, policy=policy)
        check_outputs([output] if output else [], spec=loaded)
        planned = plan_spec(loaded, allow_code=allow_code, restrict_paths=restrict_paths)
    text = plan_as(planned, format_ or "text")
    if output:
        save_text(click.unstyle(text), output, force)
        echo(f"saved {output}")
    else:
        echo(text, nl=False)
    warnings = [loaded.source.locate(each) for each in lint(loaded, planned)]
    if warnings:
        echo(NEWLINE + render_all(warnings), err=True)


@click.command()
@spec_argument
@set_option
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False), help="The model file: `.keras` or legacy `.h5`."
)
@click.option(
    "--ledger",
    type=click.Path(dir_okay=False),
    help="Where the weight ledger goes  [default: beside the model, as .ledger.json]",
)
@click.option("--prove", is_flag=True, help="Run base and result, and compare every kept layer, bit for bit.")
@click.option("--probe", type=click.Path(), help="Prove it on the images in this folder, not on seeded inputs.")
@click.option("--force", is_flag=True, help="Overwrite files that exist, and try what needs more memory than is left.")
@policy_option
@permission_options
@sandbox_option
def build(
    spec: str,
    overrides: tuple[str, ...],
    output: str,
    ledger: str | None,
    prove: bool,
    probe: str | None,
    force: bool,
    policy: str | None,
    allow_code: bool,
    restrict_paths: bool,
) -> None:
    """Compile a spec and save the model, with the ledger of its weights."""
    from spec_compiler.cli.save import ledger_name, ready, save_build

    ledger = ledger or ledger_name(output)
    check_outputs((output, ledger))
    ready(output, force, suffixes=(".keras", ".h5"))
    ready(ledger, force, suffixes=(".json",))
    with progress("compiling"):
        loaded = load_spec(spec, overrides=overrides, policy=policy)
        check_outputs((output, ledger), spec=loaded)
        compiled = compile_spec(
            loaded,
            allow_code=allow_code,
            restrict_paths=restrict_paths,
            prove=prove,
            probe=probe,
            force=force,
        )
        save_build(compiled.model, output, compiled.weights.to_json(), ledger, force)
    echo(plan_text(compiled.plan))
    echo()
    echo(ledger_text(compiled.weights))
    if compiled.warnings:
        echo(NEWLINE + render_all(compiled.warnings), err=True)
    echo(f"saved {output} and {ledger}")


@click.command()
@spec_argument
@set_option
@click.option("-o", "--output", type=click.Path(dir_okay=False), help=f"{FORMATS}  [default: the spec's name, .svg]")
@click.option("--view", type=click.Choice(VIEWS), default="side-by-side", show_default=True)
@click.option("--unfold", is_flag=True, help="Draw every layer, also long runs that do not change.")
@click.option(
    "--context", type=click.IntRange(0), default=1, show_default=True, help="Unfolded layers around a change."
)
@click.option("--ledger", type=click.Path(dir_okay=False), help="The ledger that `build` wrote, for the report.")
@click.option("--force", is_flag=True, help="Overwrite a file that exists.")
@permission_options
@sandbox_option
def diagram(
    spec: str,
    overrides: tuple[str, ...],
    output: str | None,
    view: str,
    unfold: bool,
    context: int,
    ledger: str | None,
    force: bool,
    allow_code: bool,
    restrict_paths: bool,
) -> None:
    """Draw the model before and after, or write the report that a browser opens."""
    output = output or os.path.splitext(os.path.basename(spec))[0] + ".svg"
    check_output(output, force)
    weights = read_ledger(ledger) if ledger else None
    with progress("drawing"):
        loaded = load_spec(spec, overrides=overrides)
        check_outputs([output], [ledger] if ledger else [], loaded)
        planned = plan_spec(loaded, allow_code=allow_code, restrict_paths=restrict_paths)
        write_picture(
            planned, output, view, force, unfold=unfold, context=context, source=loaded.source, ledger=weights
        )
    echo(f"saved {output}")


@click.command()
@click.argument("base", metavar="BASE_OR_SPEC", type=click.Path())
@set_option
@click.option("--after", is_flag=True, help="The layers of the spec's result instead of its base.")
@permission_options
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@sandbox_option
def layers(
    base: str, overrides: tuple[str, ...], after: bool, allow_code: bool, restrict_paths: bool, format_: str
) -> None:
    """Print the numbered layer table of an application, a model file or a spec's base.

    The numbers are the positions that `[0:15]` in a selector counts.
    """
    from spec_compiler.cli.show import layer_rows

    spec: Any = base
    if base.endswith((".keras", ".h5", ".hdf5")):
        spec = {"spec": 1, "base": {"file": base}}
    elif not base.endswith((".yaml", ".yml")) and not os.path.exists(base):
        spec = {"spec": 1, "base": {"application": base}}
    with progress("reading"), contextlib.nullcontext() if spec is base else of_the_call():
        planned = plan_spec(spec, overrides=overrides, allow_code=allow_code, restrict_paths=restrict_paths)
    graph = planned.after if after else planned.before
    rows = layer_rows(graph)
    echo(json.dumps({"format_version": 1, "layers": rows}, indent=2) if format_ == "json" else table_text(graph, rows))
