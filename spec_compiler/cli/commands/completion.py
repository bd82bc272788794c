"""`completion`: what makes a shell complete the commands."""

from __future__ import annotations

import click

from spec_compiler.cli.documented import COMPLETION, Documented
from spec_compiler.cli.terminal import echo

SHELLS = ("bash", "zsh", "fish")


@click.command(cls=Documented)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print what lets SHELL complete commands, options, files, and names of applications, layers and rules."""
    from click.shell_completion import ShellComplete, get_completion_class  # other commands need none of it

    kind = get_completion_class(shell)
    assert kind is not None
    # The one of bash would start a bash to ask for its version.
    echo(ShellComplete.source(kind(click.get_current_context().find_root().command, {}, "spec-compiler", COMPLETION)))
