"""The commands around an edit: plan, build, diagram, layers."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

import click

from spec_compiler.cli import completing, options, pictures
from spec_compiler.cli.build_files import Outputs, build_files, build_options
from spec_compiler.cli.documented import Documented, format_option
from spec_compiler.cli.formats import PLAN_FORMATS, PLAN_SUFFIXES, plan_as
from spec_compiler.cli.options import SpecCall
from spec_compiler.cli.pictures import FORMATS, Picture
from spec_compiler.cli.plan_files import applicable_text
from spec_compiler.cli.progress import progress
from spec_compiler.cli.rendered import render_all
from spec_compiler.cli.save import save_text
from spec_compiler.cli.show import layer_rows, table_text
from spec_compiler.cli.terminal import NEWLINE, echo
from spec_compiler.compiler import plan_spec
from spec_compiler.diagram import VIEWS
from spec_compiler.files.outputs import ready
from spec_compiler.files.suffixes import SPEC_SUFFIXES
from spec_compiler.plan.warnings import lint
from spec_compiler.spec import load_spec
from spec_compiler.spec.output_paths import check_outputs

spec_argument = click.argument("spec", type=click.Path())


@click.command(cls=Documented)
@spec_argument
@options.set_option
@options.policy_option
@options.locked_options
@options.permission_options
@click.option(
    "--format", "format_", type=click.Choice(PLAN_FORMATS), help="[default: as the output's suffix says, or text]"
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write it to a `.txt`, `.md` or `.json` file.")
@options.force_option
@options.sandbox_option
@options.gathered(SpecCall, "call")
def plan(call: SpecCall, format_: str | None, output: str | None, force: bool) -> None:
    """Show what a spec would change, without reading weights."""
    if output:
        ready(output, force, suffixes=tuple(PLAN_SUFFIXES))
        format_ = format_ or PLAN_SUFFIXES[os.path.splitext(output)[1]]
    with progress("planning"):
        loaded = load_spec(call.spec, overrides=call.overrides, policy=call.policy)
        check_outputs([output] if output else [], spec=loaded)
        planned = plan_spec(
            loaded, allow_code=call.allow_code, restrict_paths=call.restrict_paths, locked=call.locked_to
        )
    if output and format_ == "json":
        text = applicable_text(planned, loaded, call, output)
    else:
        text = plan_as(planned, format_ or "text")
    if output:
        save_text(click.unstyle(text), output, force)
        echo(f"saved {output}")
    else:
        echo(text, nl=False)
    warnings = [loaded.source.locate(each) for each in lint(loaded, planned)]
    if warnings:
        echo(NEWLINE + render_all(warnings), err=True)


@click.command(cls=Documented)
@spec_argument
@options.set_option
@build_options
@options.policy_option
@options.locked_options
@options.permission_options
@options.sandbox_option
@options.gathered(SpecCall, "call")
@options.gathered(Outputs, "outputs")
def build(call: SpecCall, outputs: Outputs) -> None:
    """Compile a spec and save the model, with the ledger of its weights."""
    outputs.ready()
    build_files(
        lambda: load_spec(call.spec, overrides=call.overrides, policy=call.policy),
        outputs,
        call.allowed,
        locked=call.locked_to,
        overrides=call.overrides,
    )


@click.command(cls=Documented)
@spec_argument
@options.set_option
@click.option("-o", "--output", type=click.Path(dir_okay=False), help=f"{FORMATS}  [default: the spec's name, .svg]")
@click.option("--view", type=click.Choice(VIEWS), default="side-by-side", show_default=True, help="What to draw.")
@pictures.unfold_option
@pictures.context_option
@click.option("--ledger", type=click.Path(dir_okay=False), help="The ledger that `build` wrote, for the report.")
@options.force_option
@options.permission_options
@options.sandbox_option
@options.gathered(SpecCall, "call")
@options.gathered(Picture, "picture")
def diagram(call: SpecCall, output: str | None, picture: Picture, ledger: str | None, force: bool) -> None:
    """Draw the model before and after, or write the report that a browser opens."""
    output = output or os.path.splitext(os.path.basename(call.spec))[0] + ".svg"
    pictures.check_output(output, force)
    weights = pictures.read_ledger(ledger) if ledger else None
    with progress("drawing"):
        loaded = load_spec(call.spec, overrides=call.overrides)
        check_outputs([output], [ledger] if ledger else [], loaded)
        planned = plan_spec(loaded, allow_code=call.allow_code, restrict_paths=call.restrict_paths)
        pictures.write_picture(planned, output, picture, force, source=loaded.source, ledger=weights)
    echo(f"saved {output}")


@click.command(cls=Documented)
@click.argument("base", metavar="BASE_OR_SPEC", type=click.Path(), shell_complete=completing.applications_or_files)
@options.set_option
@click.option("--after", is_flag=True, help="The layers of the spec's result instead of its base.")
@options.permission_options
@format_option("text", "json")
@options.sandbox_option
def layers(
    base: str, overrides: tuple[str, ...], after: bool, allow_code: bool, restrict_paths: bool, format_: str
) -> None:
    """Print the numbered layer table of an application, a model file or a spec's base.

    The numbers are the positions that `[0:15]` in a selector counts.
    """
    spec: Any = base
    if base.endswith((".keras", ".h5", ".hdf5")):
        spec = {"spec": 1, "base": {"file": base}}
    elif not base.endswith(SPEC_SUFFIXES) and not os.path.exists(base):
        spec = {"spec": 1, "base": {"application": base}}
    with progress("reading"), contextlib.nullcontext() if spec is base else options.of_the_call():
        planned = plan_spec(spec, overrides=overrides, allow_code=allow_code, restrict_paths=restrict_paths)
    graph = planned.after if after else planned.before
    rows = layer_rows(graph)
    echo(json.dumps({"format_version": 1, "layers": rows}, indent=2) if format_ == "json" else table_text(graph, rows))
