"""The command line's entry. Exit status 0 all is well, 1 the spec is at fault, 2 the call is."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys

import click

from spec_compiler.cli.terminal import block, echo
from spec_compiler.collection import uncollected

COMMANDS = {  # in the order of the help; each module is loaded when its command is called
    "init": "init",
    "check": "check",
    "plan": "edit",
    "build": "edit",
    "diagram": "edit",
    "diff": "diff",
    "layers": "edit",
    "bases": "bases",
    "train": "train",
    "predict": "images",
    "features": "images",
    "explain": "check",
    "schema": "check",
}


class Commands(click.Group):
    """The commands by name, their modules loaded late: `check --static` should feel like a linter."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, the usual order of work first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command, None where there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        with uncollected():  # looking for garbage takes a tenth of a short command, and modules are none
            module = importlib.import_module(f"spec_compiler.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="spec-compiler", prog_name="spec-compiler")
def cli() -> None:
    """Change a pretrained Keras model as a YAML spec says: `terraform plan` for neural networks.

    A spec cuts, replaces, inserts, adds a head and freezes; every kept weight is copied bit for bit and proven so.
    """


def main() -> None:
    """The entry point: a mistake of the user is told without a traceback."""
    # pydantic looks for plugins in every installed package, which takes longer than reading a spec.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    atexit.register(gc.freeze)  # the interpreter would look for garbage in what it is about to drop as a whole
    color = False if os.environ.get("NO_COLOR") else None
    try:
        cli.main(standalone_mode=False, color=color)
    except click.exceptions.Abort:
        echo("interrupted", err=True)
        sys.exit(130)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        for part in ("message", "filename", "ui_filename"):  # what `format_message` is made of
            if isinstance(getattr(error, part, None), str):
                setattr(error, part, block(getattr(error, part)))
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        from spec_compiler.diagnostics import SpecError

        if not isinstance(error, SpecError):
            raise
        from spec_compiler.cli.check import status
        from spec_compiler.cli.show import render_all

        echo(render_all(error.diagnostics), err=True, color=color)
        sys.exit(status(error.diagnostics))
