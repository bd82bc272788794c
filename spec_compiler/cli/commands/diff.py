"""`spec-compiler diff`: what differs between two models that no spec connects."""

from __future__ import annotations

import json
import os

import click

from spec_compiler.cli.options import model_code_option, of_the_call
from spec_compiler.cli.pictures import FORMATS, check_output, write_picture
from spec_compiler.cli.progress import progress
from spec_compiler.cli.show import plan_lines
from spec_compiler.cli.terminal import Shown, echo, joined, style
from spec_compiler.compiler import plan_spec
from spec_compiler.graph import Graph
from spec_compiler.plan.matching import Comparison, compare
from spec_compiler.spec.output_paths import check_outputs

MOST_NAMES = 8
FILES = (".keras", ".h5", ".hdf5")


@click.command()
@click.argument("before", type=click.Path())
@click.argument("after", type=click.Path())
@click.option("-o", "--output", type=click.Path(dir_okay=False), help=f"Draw it as well: {FORMATS}.")
@click.option(
    "--view",
    type=click.Choice(["before", "after", "side-by-side", "diff"]),
    default="diff",
    show_default=True,
)
@click.option("--unfold", is_flag=True, help="Draw every layer, also long runs that do not change.")
@click.option(
    "--context", type=click.IntRange(0), default=1, show_default=True, help="Unfolded layers around a change."
)
@click.option("--format", "format_", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@click.option("--force", is_flag=True, help="Overwrite a file that exists.")
@model_code_option
def diff(
    before: str,
    after: str,
    output: str | None,
    view: str,
    unfold: bool,
    context: int,
    format_: str,
    force: bool,
    allow_code: bool,
) -> None:
    """Compare two models: `.keras` or `.h5` files, specs, or names of applications.

    Layers are matched by name, then by structure; it says which. Of two files it also says whose weights differ.
    """
    if output:
        check_output(output, force)
        check_outputs([output], (before, after))
    with progress("comparing"):
        found = _compared(before, after, allow_code)
        if output:
            matches = {match.before: (match.after, match.how, match.same_weights) for match in found.matches}
            write_picture(found.plan, output, view, force, unfold=unfold, context=context, matches=matches)
    if format_ == "json":
        echo(json.dumps({**found.plan.to_json(), "matches": found.to_json()}, indent=2))
    elif format_ == "markdown":
        from spec_compiler.cli.markdown import plan_markdown

        echo(plan_markdown(found.plan, found), nl=False)
    else:
        echo(diff_text(found))
    if output:
        echo(f"saved {output}", err=format_ != "text")


def diff_text(found: Comparison) -> Shown:
    """The plan, and how the layers were matched."""
    head = style(found.plan.name, bold=True)
    lines = [head, *plan_lines(found.plan)[1:], f"Layers: {found.summary}."]
    lines += [f"Weights: {found.weights_summary}."] if found.weights_summary else []
    names = [f"{match.before} is {match.after}" for match in found.renamed]
    if names:
        lines.append(f"By structure: {', '.join(names[:MOST_NAMES])}{' …' if len(names) > MOST_NAMES else ''}.")
    return joined(lines)


def _compared(before: str, after: str, allow_code: bool) -> Comparison:
    """Both models matched; of two files the weights as well."""
    name = f"{os.path.basename(before)} → {os.path.basename(after)}"
    if not before.endswith(FILES) or not after.endswith(FILES):
        return compare(_graph(before, allow_code), _graph(after, allow_code), name)
    from spec_compiler.backend.startup import start

    start()
    from spec_compiler.backend.stored import read_stored

    with of_the_call():
        (old, old_weights), (new, new_weights) = (read_stored(each, allow_code) for each in (before, after))
    return compare(old, new, name, (old_weights, new_weights))


def _graph(name: str, allow_code: bool) -> Graph:
    """The model that a file, a spec or an application's name stands for, without its weights."""
    if name.endswith((".yaml", ".yml")):
        return plan_spec(name, allow_code=allow_code).after
    base = {"application": name}
    if name.endswith(FILES) or os.path.exists(name):
        base = {"file": os.path.abspath(name)}
    with of_the_call():
        return plan_spec({"spec": 1, "base": base}, allow_code=allow_code).after
