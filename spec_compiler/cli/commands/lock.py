"""`lock`: what a spec depends on and makes, in a file beside it."""

from __future__ import annotations

import os

import click

from spec_compiler.cli import options
from spec_compiler.cli.documented import Documented
from spec_compiler.cli.options import SpecCall
from spec_compiler.cli.progress import progress
from spec_compiler.cli.save import save_text
from spec_compiler.cli.terminal import counted, echo, shown
from spec_compiler.compiler import plan_spec
from spec_compiler.diagnostics import SpecError
from spec_compiler.files.outputs import ready
from spec_compiler.files.regular import kind_at
from spec_compiler.locking.held import Held
from spec_compiler.locking.lock_file import SUFFIX, Lock, lock_name, read_lock
from spec_compiler.reproducing.locking_specs import lock_now
from spec_compiler.spec import load_spec
from spec_compiler.spec.file_paths import missing_files
from spec_compiler.spec.output_paths import check_outputs


@click.command(cls=Documented)
@click.argument("spec", type=click.Path())
@options.set_option
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), help="The lock's file  [default: beside the spec, as .lock]"
)
@options.policy_option
@options.permission_options
@click.option("--force", is_flag=True, help="Overwrite a file that is no lock of this spec.")
@options.sandbox_option
@options.gathered(SpecCall, "call")
def lock(call: SpecCall, output: str | None, force: bool) -> None:
    """Write SPEC.lock: checksums of all that a spec depends on, versions, and what it makes.

    With `--locked`, `check`, `plan`, `build` and `train` refuse whatever is not so any more, and name it. A lock of the
    same spec is renewed, and what changed is said.
    """
    output = output or lock_name(call.spec)
    before = _before(output, call.spec)
    ready(output, force or before is not None, suffixes=(SUFFIX,))
    with progress("locking"):
        loaded = load_spec(call.spec, overrides=call.overrides, policy=call.policy, allowed=call.allowed)
        check_outputs([output], spec=loaded)
        missing_files(loaded)
        plan = plan_spec(loaded, allow_code=call.allow_code, restrict_paths=call.restrict_paths)
        made = lock_now(loaded, plan, call.allowed)
    if before is not None:
        changes = _changes(Held(loaded, before, call.allowed), plan)
        if before == made:
            echo(f"{output} is as it was: {_counts(made)}")
            return
        for each in changes:
            echo(shown(f"  {each}"))
    save_text(made.to_text(), output, force or before is not None)
    echo(f"{'renewed' if before is not None else 'saved'} {output}: {_counts(made)}")


def _before(output: str, spec: str) -> Lock | None:
    """The lock of this spec that is there, which is renewed without being asked."""
    if kind_at(output) != "a file" or os.path.islink(output):
        return None
    try:
        before = read_lock(output)
    except SpecError:
        return None  # it is not written over
    return before if before.spec == os.path.basename(spec) else None


def _changes(before: Held, plan: object) -> list[str]:
    """What is not as it was, a line each."""
    found: list[str] = []
    for look in (lambda: before.inputs(data=True), lambda: before.result(plan)):  # type: ignore[arg-type]
        try:
            look()
        except SpecError as error:
            found += [each.message.replace("the lock", "the old lock") for each in error.diagnostics]
    return found


def _counts(made: Lock) -> str:
    files = counted(len(made.files), "file")
    return f"{files}, {counted(len(made.result['layers']), 'layer')}, {', '.join(_versions(made))}"


def _versions(made: Lock) -> list[str]:
    return [f"Keras {made.versions['keras']}", made.versions["backend"]]
