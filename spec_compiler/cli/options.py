"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="PATH=VALUE",
    help="Override a value of the spec, for example `--set base.weights=null`. Repeatable.",
)


def permission_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--allow-code` and `--restrict-paths`."""
    code = "Let the spec run code: `python:` bases, `Lambda` layers. Only for specs you trust."
    paths = "Refuse files outside of the spec's folder, through `..`, links or absolute paths."
    command = click.option("--restrict-paths", is_flag=True, help=paths)(command)
    return click.option("--allow-code", is_flag=True, help=code)(command)
