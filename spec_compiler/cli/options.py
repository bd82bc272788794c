"""Options that several commands share."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import click

from spec_compiler.diagnostics import SpecError

set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="PATH=VALUE",
    help="Override a value of the spec, for example `--set base.weights=null`. Repeatable.",
)

policy_option = click.option(
    "--policy",
    type=click.Path(),
    help="A YAML file with an `expect` of its own, which the result must keep beside the spec's.",
)

model_code_option = click.option(
    "--allow-code", is_flag=True, help="Let a saved model run code: `Lambda` layers. Only for models you trust."
)


def permission_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--allow-code` and `--restrict-paths`."""
    code = "Let the spec run code: `python:` bases, `Lambda` layers. Only for specs you trust."
    paths = "Refuse files outside of the spec's folder, through `..`, links or absolute paths."
    command = click.option("--restrict-paths", is_flag=True, help=paths)(command)
    return click.option("--allow-code", is_flag=True, help=code)(command)


def sandbox_option(command: Callable[..., None]) -> Callable[..., None]:
    """Adds `--sandbox` to a command, which then runs in a process without rights."""

    @functools.wraps(command)
    def called(sandbox: str | None, **given: Any) -> None:
        if sandbox is None:
            command(**given)
            return
        from spec_compiler.cli.sandboxed import sandboxed

        sys.exit(sandboxed(given, best_effort=sandbox == "best-effort"))

    text = (
        "Work in a process without rights: no network, no programs, no files but the spec's folder and what is named."
    )
    less = "As `--sandbox`, with whatever of it this system has."
    less_option = click.option("--sandbox-best-effort", "sandbox", flag_value="best-effort", help=less)
    return click.option("--sandbox", "sandbox", flag_value="all", help=text)(less_option(called))


@contextlib.contextmanager
def of_the_call() -> Iterator[None]:
    """Takes the places out of errors in a spec that a command made of its own words: there is no text to look at."""
    try:
        yield
    except SpecError as error:
        raise SpecError([replace(each, path=(), file=None, line=None) for each in error.diagnostics]) from None
