"""`check`, `explain`, `schema`: what is wrong with specs, what a code means, what a spec may say."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click

from spec_compiler.cli.options import permission_options, set_option
from spec_compiler.cli.progress import progress
from spec_compiler.cli.reports import REPORT_FORMATS, report
from spec_compiler.cli.show import render_all
from spec_compiler.compiler import check_spec
from spec_compiler.diagnostics import RULES, Diagnostic, did_you_mean
from spec_compiler.rules import explanation

CALL_ERRORS = ("SC109", "SC508")
TIERS = {
    True: "statically: fields and arguments, and names where the base was read before",
    False: "fields, names, topology, shapes and files",
}


@click.command()
@click.argument("specs", metavar="SPEC...", nargs=-1, required=True, type=click.Path())
@set_option
@click.option(
    "--static",
    is_flag=True,
    help="Only what needs no Keras: fields, arguments, and the names of bases that were read before.",
)
@permission_options
@click.option("--format", "format_", type=click.Choice(REPORT_FORMATS), default="text", show_default=True)
def check(
    specs: tuple[str, ...],
    overrides: tuple[str, ...],
    static: bool,
    allow_code: bool,
    restrict_paths: bool,
    format_: str,
) -> None:
    """Check specs without building: fields, names, topology, shapes, files."""
    found: list[Diagnostic] = []
    with progress("checking"):
        for spec in specs:
            found += check_spec(
                spec, static=static, overrides=overrides, allow_code=allow_code, restrict_paths=restrict_paths
            )
    text = report(found, format_, TIERS[static]) if format_ != "text" else render_all(found)
    if text:
        click.echo(text)
    if format_ == "text":
        click.echo(summary(specs, found, static), err=bool(found))
    sys.exit(status(found))


def summary(specs: Sequence[str], found: Sequence[Diagnostic], static: bool) -> str:
    """What was checked, how far, and how it ended: `2 specs checked (fields, names …): no errors, 1 warning`."""
    errors = sum(each.severity == "error" for each in found)
    warnings = len(found) - errors
    counts = [f"{errors or 'no'} error{'s' if errors != 1 else ''}"]
    if warnings:
        counts.append(f"{warnings} warning{'s' if warnings != 1 else ''}")
    plural = "s" if len(specs) > 1 else ""
    return f"{len(specs)} spec{plural} checked ({TIERS[static]}): {', '.join(counts)}"


def status(diagnostics: Sequence[Diagnostic]) -> int:
    """The exit status: 0 no error, 1 the spec is at fault, 2 the call is."""
    errors = [each for each in diagnostics if each.severity == "error"]
    if not errors:
        return 0
    missing_spec = (
        len(errors) == 1 and errors[0].code in ("SC501", "SC004") and not errors[0].path and errors[0].line is None
    )
    return 2 if missing_spec or all(each.code in CALL_ERRORS for each in errors) else 1


@click.command()
@click.argument("code", metavar="CODE")
def explain(code: str) -> None:
    """Explain a code, with a wrong and a right example."""
    name = code.upper()
    if name not in RULES:
        help = did_you_mean(name, RULES, f"the codes go from {min(RULES)} to {max(RULES)}")
        raise click.UsageError(f"there is no rule `{code}`; {help}")
    explained = explanation(name)
    rule = explained.rule
    kind = "a warning" if rule.severity == "warning" else "an error"
    click.echo(click.style(f"{rule.code}: {rule.title}", bold=True))
    click.echo(f"({rule.family}; {kind})\n\n{explained.text}")
    for title, example, color in (("Wrong", explained.wrong, "red"), ("Right", explained.right, "green")):
        if example is not None:
            lines = "".join(f"    {line}\n" for line in example.splitlines())
            click.echo(f"\n{click.style(title, fg=color)}:\n\n{lines}", nl=False)


@click.command()
def schema() -> None:
    """Print the JSON Schema of specs, for editors."""
    from spec_compiler.schema import spec_schema

    click.echo(json.dumps(spec_schema(), indent=1, ensure_ascii=False))
