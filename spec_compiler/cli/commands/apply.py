"""`apply`: the model that a plan shows, or nothing."""

from __future__ import annotations

import click

from spec_compiler.cli import options
from spec_compiler.cli.build_files import Outputs, build_files, build_options
from spec_compiler.cli.documented import Documented
from spec_compiler.cli.progress import progress
from spec_compiler.reproducing.applying import planned_before
from spec_compiler.spec.permissions import Permissions


@click.command(cls=Documented)
@click.argument("plan", type=click.Path())
@build_options
@options.permission_options
@options.sandbox_option
@options.gathered(Outputs, "outputs")
def apply(plan: str, outputs: Outputs, allow_code: bool, restrict_paths: bool) -> None:
    """Build exactly what `plan SPEC -o plan.json` has shown, or refuse and say what has changed since."""
    allowed = Permissions(allow_code, not restrict_paths)
    outputs.ready()
    with progress("reading the plan"):
        planned, overrides = planned_before(plan, allowed)
    build_files(lambda: planned.spec, outputs, allowed, locked=planned, overrides=overrides)
