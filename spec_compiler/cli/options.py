"""Options that several commands share."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import click

from spec_compiler.diagnostics import SpecError
from spec_compiler.spec.permissions import Permissions

Command = Callable[..., None]

force_option = click.option("--force", is_flag=True, help="Overwrite a file that exists.")

forced_option = click.option(
    "--force", is_flag=True, help="Overwrite files that exist, and try what needs more memory than is left."
)

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


@dataclass(frozen=True)
class SpecCall:
    """The spec of a command: its file, what `--set` changes in it, and what it may do."""

    spec: str
    overrides: tuple[str, ...]
    allow_code: bool
    restrict_paths: bool
    policy: str | None = None
    locked: bool = False
    lock: str | None = None

    @property
    def allowed(self) -> Permissions:
        """What it may do."""
        return Permissions(self.allow_code, not self.restrict_paths)

    @property
    def locked_to(self) -> bool | str:
        """The lock that it is held to: a file, or the one beside it, or none."""
        return self.lock or self.locked


def gathered(kind: type[Any], name: str) -> Callable[[Command], Command]:
    """Gives a command the options that are fields of a dataclass as one value of it, under this name."""

    def with_value(command: Command) -> Command:
        @functools.wraps(command)
        def called(**options: Any) -> None:
            names = [field.name for field in fields(kind) if field.name in options]
            value = kind(**{key: options.pop(key) for key in names})
            command(**options, **{name: value})

        return called

    return with_value


def permission_options(command: Command) -> Command:
    """Adds `--allow-code` and `--restrict-paths`."""
    code = "Let the spec run code: `python:` bases, `Lambda` layers. Only for specs you trust."
    paths = "Refuse files outside of the spec's folder, through `..`, links or absolute paths."
    command = click.option("--restrict-paths", is_flag=True, help=paths)(command)
    return click.option("--allow-code", is_flag=True, help=code)(command)


def locked_options(command: Command) -> Command:
    """Adds `--locked` and `--lock`."""
    file = "The lock to compare with, if it is not the one beside the spec."
    command = click.option("--lock", type=click.Path(dir_okay=False), help=file)(command)
    text = "Refuse whatever is not as `SPEC.lock` has it: the spec, its files, versions, the result."
    return click.option("--locked", is_flag=True, help=text)(command)


def sandbox_option(command: Command) -> Command:
    """Adds `--sandbox` to a command, which then runs in a process without rights."""

    # Stands outside of `gathered`: the names of the options say what the sandbox lets it read and write.
    @functools.wraps(command)
    def called(sandbox: str | None, **options: Any) -> None:
        if sandbox is None:
            command(**options)
            return
        if options.get("fix") and not options.get("diff"):
            raise click.UsageError("the sandbox only reads the spec; `--fix --diff` shows what `--fix` would write")
        from spec_compiler.cli.sandboxed import sandboxed  # other commands start sooner without it

        sys.exit(sandboxed(options, best_effort=sandbox == "best-effort"))

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
