"""The commands. Exit status 0 all is well, 1 the spec is at fault, 2 the call is."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click

from spec_compiler.cli.bases import bases
from spec_compiler.cli.diff import diff
from spec_compiler.cli.formats import PLAN_FORMATS, plan_as
from spec_compiler.cli.images import features, predict
from spec_compiler.cli.pictures import FORMATS, check_output, read_ledger, write_picture
from spec_compiler.cli.progress import progress
from spec_compiler.cli.show import ledger_text, plan_text, render_all, table_text
from spec_compiler.cli.train import train
from spec_compiler.compiler import check_spec, compile_spec, plan_spec
from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.spec import load_spec

VIEWS = ("before", "after", "side-by-side", "diff")
CALL_ERRORS = ("SC109", "SC508")

spec_argument = click.argument("spec", type=click.Path())
set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="PATH=VALUE",
    help="Override a value of the spec, for example `--set base.weights=null`. Repeatable.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="spec-compiler", prog_name="spec-compiler")
def cli() -> None:
    """Change a pretrained Keras model as a YAML spec says: `terraform plan` for neural networks.

    A spec cuts, replaces, inserts, adds a head and freezes; every kept weight is copied bit for bit and proven so.
    """


def main() -> None:
    """The entry point: a mistake of the user is told without a traceback."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    color = False if os.environ.get("NO_COLOR") else None
    try:
        cli.main(standalone_mode=False, color=color)
    except SpecError as error:
        click.echo(render_all(error.diagnostics), err=True, color=color)
        sys.exit(_status(error.diagnostics))
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _status(diagnostics: tuple[Diagnostic, ...]) -> int:
    errors = [each for each in diagnostics if each.severity == "error"]
    if not errors:
        return 0
    missing_spec = (
        len(errors) == 1 and errors[0].code in ("SC501", "SC004") and not errors[0].path and errors[0].line is None
    )
    return 2 if missing_spec or all(each.code in CALL_ERRORS for each in errors) else 1


@cli.command()
@click.argument("specs", metavar="SPEC...", nargs=-1, required=True, type=click.Path())
@set_option
@click.option("--static", is_flag=True, help="Only what needs no Keras: YAML, fields, layer classes and arguments.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def check(specs: tuple[str, ...], overrides: tuple[str, ...], static: bool, format_: str) -> None:
    """Check specs without building: fields, names, topology, shapes, files."""
    found: list[Diagnostic] = []
    with progress("checking"):
        for spec in specs:
            found += check_spec(spec, static=static, overrides=overrides)
    if format_ == "json":
        click.echo(
            json.dumps({"format_version": 1, "diagnostics": [diagnostic_json(each) for each in found]}, indent=2)
        )
    elif found:
        click.echo(render_all(tuple(found)))
    if format_ == "text" and not any(each.severity == "error" for each in found):
        tier = "statically" if static else "fields, names, topology and shapes"
        click.echo(f"{len(specs)} spec{'s' if len(specs) > 1 else ''} checked ({tier}): no errors")
    sys.exit(_status(tuple(found)))


def diagnostic_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as plain data; lines and columns count from 1, `end_column` is exclusive."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "path": list(diagnostic.path),
        "file": diagnostic.file,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "end_column": diagnostic.end_column,
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
    }


@cli.command()
@spec_argument
@set_option
@click.option("--format", "format_", type=click.Choice(PLAN_FORMATS), default="text", show_default=True)
def plan(spec: str, overrides: tuple[str, ...], format_: str) -> None:
    """Show what a spec would change, without reading weights."""
    with progress("planning"):
        planned = plan_spec(spec, overrides=overrides)
    click.echo(plan_as(planned, format_), nl=False)


@cli.command()
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
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def build(spec: str, overrides: tuple[str, ...], output: str, ledger: str | None, force: bool) -> None:
    """Compile a spec and save the model, with the ledger of its weights."""
    from spec_compiler.cli.save import ledger_name, ready, save_json, save_model

    ledger = ledger or ledger_name(output)
    for path in (output, ledger):
        ready(path, force, suffixes=(".keras", ".h5") if path == output else (".json",))
    with progress("compiling"):
        compiled = compile_spec(spec, overrides=overrides)
        save_model(compiled.model, output)
        save_json(compiled.weights.to_json(), ledger)
    click.echo(plan_text(compiled.plan))
    click.echo()
    click.echo(ledger_text(compiled.weights))
    click.echo(f"saved {output} and {ledger}")


@cli.command()
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
def diagram(
    spec: str,
    overrides: tuple[str, ...],
    output: str | None,
    view: str,
    unfold: bool,
    context: int,
    ledger: str | None,
    force: bool,
) -> None:
    """Draw the model before and after, or write the report that a browser opens."""
    output = output or os.path.splitext(os.path.basename(spec))[0] + ".svg"
    check_output(output, force)
    weights = read_ledger(ledger) if ledger else None
    with progress("drawing"):
        loaded = load_spec(spec, overrides=overrides)
        planned = plan_spec(loaded)
        write_picture(planned, output, view, unfold=unfold, context=context, source=loaded.source, ledger=weights)
    click.echo(f"saved {output}")


@cli.command()
@click.argument("base", metavar="BASE_OR_SPEC", type=click.Path())
@set_option
@click.option("--after", is_flag=True, help="The layers of the spec's result instead of its base.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def layers(base: str, overrides: tuple[str, ...], after: bool, format_: str) -> None:
    """Print the numbered layer table of an application, a model file or a spec's base.

    The numbers are the positions that `[0:15]` in a selector counts.
    """
    from spec_compiler.cli.show import layer_rows

    spec: Any = base
    if base.endswith((".keras", ".h5", ".hdf5")):
        spec = {"spec": 1, "base": {"file": base}}
    elif not base.endswith((".yaml", ".yml")) and not os.path.exists(base):
        spec = {"spec": 1, "base": {"application": base, "weights": None}}
    with progress("reading"):
        planned = plan_spec(spec, overrides=overrides)
    graph = planned.after if after else planned.before
    rows = layer_rows(graph)
    click.echo(
        json.dumps({"format_version": 1, "layers": rows}, indent=2) if format_ == "json" else table_text(graph, rows)
    )


for command in (train, predict, features, bases, diff):
    cli.add_command(command)
