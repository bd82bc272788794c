"""The command line's entry, and what becomes of everything that can end a command."""

from __future__ import annotations

import atexit
import errno
import gc
import importlib
import os
import sys

import click

from spec_compiler.cli.documented import COMPLETION
from spec_compiler.cli.rendered import render_all
from spec_compiler.cli.signals import Stopped, not_mistaken, stopping
from spec_compiler.cli.streams import FAULT_OF_THE_CALL, OutputLost, guarded
from spec_compiler.cli.terminal import block, echo
from spec_compiler.collection import uncollected
from spec_compiler.diagnostics import SpecError

Status = int | str | None

COMMANDS = {  # in the order of the help; each module is loaded when its command is called
    "init": "init",
    "check": "check",
    "plan": "edit",
    "build": "edit",
    "apply": "apply",
    "lock": "lock",
    "verify": "verify",
    "diagram": "edit",
    "diff": "diff",
    "layers": "edit",
    "bases": "bases",
    "train": "train",
    "sweep": "sweep",
    "evaluate": "evaluate",
    "export": "export",
    "predict": "images",
    "features": "images",
    "explain": "explain",
    "schema": "check",
    "completion": "completion",
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
        module = f"spec_compiler.cli.commands.{COMMANDS[cmd_name]}"
        if module not in sys.modules:
            with uncollected():  # looking for garbage takes a tenth of a short command, and modules are none
                importlib.import_module(module)
                gc.freeze()
        command: click.Command = getattr(sys.modules[module], cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """All commands in a line each, by what they are for; none of them is loaded for it."""
        from spec_compiler.cli.help_texts import COMMAND_GROUPS  # who runs a command needs none of it

        for title, commands in COMMAND_GROUPS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()), col_max=12)
        formatter.write("\n`spec-compiler COMMAND --help` says more, with examples.\n")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="spec-compiler", prog_name="spec-compiler")
def cli() -> None:
    """Change a pretrained Keras model as a YAML spec says: `terraform plan` for neural networks.

    A spec cuts, replaces, inserts, adds a head and freezes; every kept weight is copied bit for bit and proven so.
    """


def main() -> None:
    """The entry point: what goes wrong outside of the compiler is told in a line, never with a traceback.

    Exit status 0 all is well, 1 the spec is at fault, 2 the call or the machine is (a full disk, a closed stream), 130
    interrupted, 128 and its number for another signal (143 is SIGTERM), 141 the reader of a pipe has gone.
    """
    # pydantic looks for plugins in every installed package, which takes longer than reading a spec.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    atexit.register(gc.freeze)  # the interpreter would look for garbage in what it is about to drop as a whole
    status: Status = FAULT_OF_THE_CALL
    try:
        with stopping(), guarded() as lost:
            status = _called()
    except OutputLost as error:  # of what was still buffered
        status = error.code
    # `lost` is filled where `guarded` ends.
    if lost and status in (0, None):
        status = FAULT_OF_THE_CALL  # a warning that nobody could read
    if status not in (0, None):
        sys.exit(status)


def _called() -> Status:
    """The exit status of the command, whatever it ends with; a fault of the compiler itself is raised."""
    color = False if os.environ.get("NO_COLOR") else None
    try:
        try:
            with not_mistaken():
                # Standalone, click would print errors itself, as they are, and end the process with 1 for Ctrl-C.
                result = cli.main(standalone_mode=False, color=color, complete_var=COMPLETION)
            return result if isinstance(result, int) else 0
        except (click.exceptions.Abort, KeyboardInterrupt):
            return _told("interrupted", 130)
        except click.ClickException as error:
            for part in ("message", "filename", "ui_filename"):  # what `format_message` is made of
                if isinstance(getattr(error, part, None), str):
                    setattr(error, part, block(getattr(error, part)))
            error.show()
            return error.exit_code
        except MemoryError:
            return _told("error: there is not enough memory")
        except OSError as error:
            if not _is_of_the_machine(error):
                raise
            where = f"`{error.filename}`: " if error.filename else ""
            return _told(f"error: {where}{error.strerror or error}")
        except SpecError as error:
            from spec_compiler.cli.commands.check import status  # a command without errors starts sooner without it

            echo(render_all(error.diagnostics), err=True, color=color)
            return status(error.diagnostics)
    except Stopped as error:
        return _told(f"stopped by {error.name}", error.code)
    except OutputLost as error:
        if error.reason is None:
            return error.code  # a pipe whose reader has gone: nobody is there to be told
        return _told(f"error: cannot write to the standard output: {error.reason}")
    except SystemExit as error:
        return error.code


def _told(text: str, status: Status = FAULT_OF_THE_CALL) -> Status:
    try:
        echo(text, err=True)
    except OutputLost as error:
        return error.code
    return status


def _is_of_the_machine(error: OSError) -> bool:
    """Whether a file could not be written for a reason that is no mistake of the compiler."""
    # `tempfile` says it in words: its FileNotFoundError stands for every place that it tried.
    return error.errno in _OF_THE_MACHINE or "temporary directory" in str(error)


_OF_THE_MACHINE = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM),
)
