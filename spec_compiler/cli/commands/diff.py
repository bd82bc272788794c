"""`spec-compiler diff`: what differs between two models that no spec connects."""

from __future__ import annotations

import json
import os

import click

from spec_compiler.cli.completing import applications_or_files
from spec_compiler.cli.documented import Documented, format_option
from spec_compiler.cli.markdown import plan_markdown
from spec_compiler.cli.options import force_option, gathered, of_the_call, permission_options, sandbox_option
from spec_compiler.cli.pictures import FORMATS, Picture, check_output, context_option, unfold_option, write_picture
from spec_compiler.cli.progress import progress
from spec_compiler.cli.show import listed, plan_lines
from spec_compiler.cli.terminal import Shown, echo, joined, style
from spec_compiler.compiler import plan_spec
from spec_compiler.diagram import VIEWS
from spec_compiler.files.suffixes import SPEC_SUFFIXES
from spec_compiler.graph import Graph
from spec_compiler.plan.two_models import Comparison, compare
from spec_compiler.spec.output_paths import check_outputs
from spec_compiler.spec.permissions import Permissions

MOST_NAMES = 8
FILES = (".keras", ".h5", ".hdf5")


@click.command(cls=Documented)
@click.argument("before", type=click.Path(), shell_complete=applications_or_files)
@click.argument("after", type=click.Path(), shell_complete=applications_or_files)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help=f"Draw it as well: {FORMATS}.")
@click.option("--view", type=click.Choice(VIEWS), default="diff", show_default=True, help="What to draw.")
@unfold_option
@context_option
@format_option("text", "json", "markdown")
@force_option
@permission_options
@sandbox_option
@gathered(Picture, "picture")
def diff(
    before: str,
    after: str,
    output: str | None,
    picture: Picture,
    format_: str,
    force: bool,
    allow_code: bool,
    restrict_paths: bool,
) -> None:
    """Compare two models: `.keras` or `.h5` files, specs, or names of applications.

    Layers are matched by name, then by structure; it says which. Of two files it also says whose weights differ.
    """
    if output:
        check_output(output, force)
        check_outputs([output], (before, after))
    with progress("comparing"):
        comparison = _compared(before, after, Permissions(allow_code, not restrict_paths))
        if output:
            matches = {match.before: (match.after, match.how, match.same_weights) for match in comparison.matches}
            write_picture(comparison.plan, output, picture, force, matches=matches)
    if format_ == "json":
        echo(json.dumps({**comparison.plan.to_json(), "matches": comparison.to_json()}, indent=2))
    elif format_ == "markdown":
        echo(plan_markdown(comparison.plan, comparison), nl=False)
    else:
        echo(diff_text(comparison))
    if output:
        echo(f"saved {output}", err=format_ != "text")


def diff_text(comparison: Comparison) -> Shown:
    """The plan, and how the layers were matched."""
    head = style(comparison.plan.name, bold=True)  # no spec changes the one into the other
    lines = [head, *plan_lines(comparison.plan)[1:], f"Layers: {comparison.summary}."]
    lines += [f"Weights: {comparison.weights_summary}."] if comparison.weights_summary else []
    names = [f"{match.before} is {match.after}" for match in comparison.renamed]
    lines += [f"By structure: {listed(names, MOST_NAMES)}."] if names else []
    return joined(lines)


def _compared(before: str, after: str, allowed: Permissions) -> Comparison:
    """Both models matched; of two files the weights as well."""
    name = f"{os.path.basename(before)} → {os.path.basename(after)}"
    if not before.endswith(FILES) or not after.endswith(FILES):
        return compare(_graph(before, allowed), _graph(after, allowed), name)
    from spec_compiler.backend.startup import start  # starts Keras, which two specs may not need

    start()
    from spec_compiler.backend.stored import read_stored  # imports Keras

    with of_the_call():
        (old, old_weights), (new, new_weights) = (read_stored(each, allowed.code) for each in (before, after))
    return compare(old, new, name, (old_weights, new_weights))


def _graph(name: str, allowed: Permissions) -> Graph:
    """The model that a file, a spec or an application's name stands for, without its weights."""
    if name.endswith(SPEC_SUFFIXES):
        return plan_spec(name, allow_code=allowed.code, restrict_paths=not allowed.paths).after
    base = {"application": name}
    if name.endswith(FILES) or os.path.exists(name):  # absolute, as a spec made of data stands in no folder
        base = {"file": os.path.abspath(name)}
    with of_the_call():
        return plan_spec({"spec": 1, "base": base}, allow_code=allowed.code).after
