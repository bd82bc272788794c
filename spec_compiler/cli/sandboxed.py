"""A command in the sandbox: what it reads and writes, from its options alone."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

import click

from spec_compiler.cli.terminal import echo
from spec_compiler.diagnostics import SpecError
from spec_compiler.exporting.card import card_place
from spec_compiler.exporting.formats import format_of
from spec_compiler.files.outputs import ledger_name, reason
from spec_compiler.files.suffixes import SPEC_SUFFIXES
from spec_compiler.keras_facts.settings import keras_home
from spec_compiler.locking.lock_file import lock_name
from spec_compiler.sandbox import Grant, NoSandbox, run

_FLAGS = ("--sandbox", "--sandbox-best-effort")
_DRAWN = (".svg", ".png")


def sandboxed(options: Mapping[str, Any], best_effort: bool) -> int:
    """The exit status of the command that this process was called with, run without rights.

    Raises:
        SpecError: SC508 where what it made cannot be put in place.
        click.ClickException: there is no sandbox.
    """
    grant = _grant(options)
    # Told here, as inside it would look like a Graphviz that is not installed.
    for output in grant.outputs:
        if output.endswith(_DRAWN):
            message = "pictures are drawn by Graphviz, a program, and the sandbox starts none"
            raise click.UsageError(f"{message}; write `.html`, `.dot`, `.mmd` or `.txt`")
    words = [each for each in sys.argv[1:] if each not in _FLAGS]
    of_model = click.get_current_context().info_name == "export" and not options["model"].endswith(SPEC_SUFFIXES)
    if options.get("restrict_paths") is False and not of_model:  # what stands elsewhere is not there: say so there
        words.append("--restrict-paths")
    try:
        status = run(words, grant, best_effort)
    except NoSandbox as error:
        raise click.UsageError(str(error)) from None
    except FileExistsError as error:
        raise SpecError.single("SC508", f"`{error.filename2 or error.filename}` already exists") from None
    except OSError as error:
        raise SpecError.single("SC508", f"`{error.filename}` cannot be written: {reason(error)}") from None
    if status > 128:
        echo(f"error: the process in the sandbox was ended by {signal.Signals(status - 128).name}", err=True)
        return 2
    return status


def _grant(options: Mapping[str, Any]) -> Grant:
    named = (options.get(key) for key in ("spec", "base", "model", "plan", "before", "after"))
    specs = list(filter(None, (*named, *options.get("specs", ()))))
    folders = [os.path.dirname(os.path.abspath(spec)) for spec in specs]
    read = [path for path in (*specs, *folders) if os.path.exists(path)]  # an application's name is no file
    command = click.get_current_context().info_name
    ledger, probe = options.get("ledger"), options.get("probe")
    outputs = [options["output"]] if options.get("output") else []
    if command in ("build", "apply"):
        outputs.append(ledger or ledger_name(outputs[0]))
    elif command == "export":
        read += [path for key in ("output", "calibration") if (path := options.get(key))]
        outputs = [] if options["compare"] else _artefact(outputs[0])
    elif command == "lock" and not outputs:
        outputs.append(lock_name(options["spec"]))
    elif command == "diagram" and not outputs:
        outputs.append(os.path.splitext(os.path.basename(options["spec"]))[0] + ".svg")
    if command == "verify" and not options.get("spec"):
        read.append(os.getcwd())  # where the files of the spec in the model are looked for
    given = (ledger if command in ("diagram", "verify") else None, probe, options.get("policy"), options.get("lock"))
    read += [path for path in given if path]
    # Keras reads its settings and the weights that it has downloaded there, see keras/src/backend/config.py.
    return Grant((*read, keras_home()), tuple(outputs), force=bool(options.get("force")))


def _artefact(output: str) -> list[str]:
    """The files of an export.

    Raises:
        SpecError: SC508 for a name that no format has.
        click.UsageError: it is a folder, of whose files nobody knows the names.
    """
    form = format_of(output)
    if form.is_folder:
        message = "a SavedModel is a folder, and the sandbox gives single files back"
        raise click.UsageError(f"{message}; `build` the model in the sandbox, and export that")
    return [*form.files(output), card_place(output)]
