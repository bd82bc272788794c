"""`check`, `schema`: what is wrong with specs, what a spec may say."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence

import click

from spec_compiler.cli.documented import Documented, format_option
from spec_compiler.cli.options import locked_options, permission_options, policy_option, sandbox_option, set_option
from spec_compiler.cli.progress import progress
from spec_compiler.cli.rendered import render_all
from spec_compiler.cli.reports import REPORT_FORMATS, report
from spec_compiler.cli.terminal import counted, echo
from spec_compiler.compiler import Checked, checked
from spec_compiler.diagnostics import Diagnostic
from spec_compiler.spec.others import Tier
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.policy import load_policy

CALL_ERRORS = ("SC109", "SC508", "SC522", "SC608")
TIERS: dict[Tier, str] = {
    "fields": "fields and arguments",
    "names": "fields, names and topology",
    "shapes": "fields, names, topology and shapes",
    "files": "fields, names, topology, shapes and files",
}
UNKNOWN_BASE = "names and shapes were not checked: `check` without `--static` reads the base once and remembers it"
UNKNOWN_WEIGHTS = "the `imagenet` weights were not looked for, `build` downloads them"
UNKNOWN_CALLS = "shapes were not checked: `plan`, or `check` without `--static`, computes them once and remembers them"


@click.command(cls=Documented)
@click.argument("specs", metavar="SPEC...", nargs=-1, required=True, type=click.Path())
@set_option
@click.option(
    "--static",
    is_flag=True,
    help="Only what needs no Keras: fields and arguments, and names and shapes that Keras was asked for before.",
)
@click.option("--fix", is_flag=True, help="Write every fix that is known into the files; comments and style stay.")
@click.option("--diff", is_flag=True, help="With `--fix`: show what it would write, and write nothing.")
@policy_option
@locked_options
@permission_options
@format_option(*REPORT_FORMATS)
@sandbox_option
def check(
    specs: tuple[str, ...],
    overrides: tuple[str, ...],
    static: bool,
    fix: bool,
    diff: bool,
    policy: str | None,
    locked: bool,
    lock: str | None,
    allow_code: bool,
    restrict_paths: bool,
    format_: str,
) -> None:
    """Check specs without building: fields, names, topology, shapes, files."""
    allowed = Permissions(allow_code, not restrict_paths)
    if diff and not (fix and format_ == "text"):
        raise click.UsageError("`--diff` goes with `--fix`, as text")
    if fix and (lock or locked):
        raise click.UsageError("what `--fix` mends is no longer as it was locked; check it with one of the two")
    made = None
    with progress("checking"):
        rules = load_policy(policy) if policy is not None else None
        if fix:
            from spec_compiler.cli.fix import fixed_json, mended, told  # what only looks needs none of it

            fixes = [
                mended(spec, allowed, static=static, overrides=overrides, policy=rules, in_place=not diff)
                for spec in dict.fromkeys(specs)
            ]
            results = {each.file: each.checked for each in fixes}
        else:
            results = {
                spec: checked(spec, allowed, static=static, overrides=overrides, policy=rules, locked=lock or locked)
                for spec in specs
            }
    if fix:
        text = told(fixes, diff)
        if text and format_ == "text":
            echo(text)
        made = [row for each in fixes for row in fixed_json(each)]
    diagnostics = [each for result in results.values() for each in result.diagnostics]
    tiers = {spec: result.tier for spec, result in results.items() if not _is_missing(result.diagnostics)}
    if format_ != "text":
        text = report(diagnostics, format_, how_far(results, static), tiers, made)
    else:
        text = render_all(diagnostics)
    if text:
        echo(text, err=diff)
    if format_ == "text":
        echo(summary(results, static), err=bool(diagnostics) or diff)
    sys.exit(status(diagnostics))


def summary(results: Mapping[str, Checked], static: bool) -> str:
    """What was checked, how far, and how it ended: `2 specs checked (fields, names …): no errors, 1 warning`."""
    diagnostics = [each for result in results.values() for each in result.diagnostics]
    errors = len(_errors(diagnostics))
    warnings = len(diagnostics) - errors
    counts = counted(errors, "error") if errors else "no errors"
    counts += f", {counted(warnings, 'warning')}" if warnings else ""
    read = _read(results)
    missing = len(results) - len(read)
    text = f"{counted(len(read), 'spec') if read else 'no spec'} checked"
    tiers = {result.tier for result in read}
    if len(tiers) > 1:
        text += f"{' statically' if static else ''}: {_steps(results)}"
    elif tiers:
        text += f" ({how_far(results, static)})"
    text += f", {missing} could not be read" if missing else ""
    text += f"{';' if len(tiers) > 1 else ':'} {counts}"  # where the tiers differ, commas part them
    clean = {result.tier for result in read if not _errors(result.diagnostics)}
    if not static and "shapes" in clean:  # that is where checks of such specs end
        text += f"; {UNKNOWN_WEIGHTS}"
    if static and not errors and "fields" in tiers:
        return f"{text}\n{UNKNOWN_BASE}"
    return f"{text}\n{UNKNOWN_CALLS}" if static and not errors and "names" in tiers else text


def how_far(results: Mapping[str, Checked], static: bool) -> str:
    """How far the checks came: `statically: fields and arguments`, with counts where the specs differ."""
    tiers = {result.tier for result in _read(results)}
    text = _steps(results) if len(tiers) > 1 else TIERS[tiers.pop()] if tiers else "nothing"
    return f"statically: {text}" if static else text


def _steps(results: Mapping[str, Checked]) -> str:
    """How many specs came how far: `3 stopped at their fields, 1 at its names, 2 went as far as their files`."""
    parts: list[str] = []
    for stopped, first in ((True, "stopped"), (False, "went")):
        counts = Counter(result.tier for result in _read(results) if bool(_errors(result.diagnostics)) == stopped)
        verb = f"{first} "
        for tier in TIERS:
            if tier in counts:
                way = "at" if stopped else "all the way to" if tier == "files" else "as far as"
                parts.append(f"{counts[tier]} {verb}{way} {'its' if counts[tier] == 1 else 'their'} {tier}")
                verb = ""
    return ", ".join(parts)


def _read(results: Mapping[str, Checked]) -> list[Checked]:
    return [result for result in results.values() if not _is_missing(result.diagnostics)]


def _errors(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    return [each for each in diagnostics if each.severity == "error"]


def _is_missing(diagnostics: Sequence[Diagnostic]) -> bool:
    """Whether all that there is to say is that the spec is not there, or is no text."""
    errors = _errors(diagnostics)
    return len(errors) == 1 and errors[0].code in ("SC501", "SC004") and not errors[0].path and errors[0].line is None


def status(diagnostics: Sequence[Diagnostic]) -> int:
    """The exit status: 0 no error, 1 the spec is at fault, 2 the call is."""
    errors = _errors(diagnostics)
    if not errors:
        return 0
    # An error that points nowhere is about the call itself: see `options.of_the_call`.
    nowhere = all(not each.path and each.line is None and each.file is None for each in errors)
    return 2 if _is_missing(errors) or nowhere or all(each.code in CALL_ERRORS for each in errors) else 1


@click.command(cls=Documented)
def schema() -> None:
    """Print the JSON Schema of specs, for editors."""
    from spec_compiler.spec.schema import spec_schema  # pydantic takes longer over it than a check takes

    echo(json.dumps(spec_schema(), indent=1, ensure_ascii=False))
