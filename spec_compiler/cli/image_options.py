"""Options of the commands that send pictures through a model: what its classes are called, and how it sees them."""

from __future__ import annotations

import functools

import click

from spec_compiler.cli.completing import applications
from spec_compiler.cli.options import Command
from spec_compiler.spec.data import INTERPOLATIONS


def picture_options(command: Command) -> Command:
    """Adds `--labels`, `--size`, `--interpolation` and `--preprocess`."""
    names = "The names of the classes, one a line, or a JSON list; or `imagenet`."
    resized = "How images of another size are resized  [default: as in the model's run, or nearest]."
    first = "Send images through this application's preprocess_input first."
    options = [
        click.option("--labels", type=click.Path(), help=names),
        click.option(
            "--size",
            nargs=2,
            type=click.IntRange(1),
            metavar="H W",
            help="Height and width of the images, for a model that takes any size.",
        ),
        click.option("--interpolation", type=click.Choice(INTERPOLATIONS), help=resized),
        click.option("--preprocess", metavar="APPLICATION", shell_complete=applications, help=first),
    ]
    return functools.reduce(lambda made, option: option(made), reversed(options), command)
