"""The manual page, `share/man/man1/spec-compiler.1`, written from the commands: `python -m spec_compiler.cli.man`.

`--check` says whether the one that is there is fresh.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click

from spec_compiler.cli.documented import grouped
from spec_compiler.cli.help_texts import COMMAND_GROUPS, EXAMPLES, statuses
from spec_compiler.cli.main import cli
from spec_compiler.cli.terminal import echo

PAGE = Path(__file__).parents[2] / "share" / "man" / "man1" / "spec-compiler.1"
PROGRAM = "spec-compiler"


def page() -> str:
    """The page, in the macros of man(7)."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    root = click.Context(cli, info_name=PROGRAM)
    yield '.\\" Written by `python -m spec_compiler.cli.man` from the commands.'
    yield '.TH SPEC\\-COMPILER 1 "" "spec_compiler" "User Commands"'
    yield from (".SH NAME", r"spec\-compiler \- change a pretrained Keras model as a YAML spec says")
    yield from (".SH SYNOPSIS", rf"\fB{_text(PROGRAM)}\fR \fICOMMAND\fR [\fIOPTIONS\fR] [\fIARGUMENTS\fR]")
    yield from (".SH DESCRIPTION", *_paragraphs(cli.help or ""))
    for title, commands in COMMAND_GROUPS.items():
        yield f".SS {_text(title)}"
        for name, says in commands.items():
            yield from (".TP", rf"\fB{_text(name)}\fR", _text(says))
    yield ".SH COMMANDS"
    for name in (each for commands in COMMAND_GROUPS.values() for each in commands):
        command = cli.get_command(root, name)
        assert command is not None
        yield from _command(command, click.Context(command, info_name=name, parent=root))
    yield ".SH ENVIRONMENT"
    for name, says in _ENVIRONMENT.items():
        yield from (".TP", rf"\fB{_text(name)}\fR", _text(says))
    with (PAGE.parents[3] / "pyproject.toml").open("rb") as stream:
        address = tomllib.load(stream)["project"]["urls"]["Repository"]
    yield from (".SH SEE ALSO", _text(address))


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    words = " ".join(command.collect_usage_pieces(context))
    yield f".SS {_text(f'{PROGRAM} {command.name} {words}')}"
    yield from _paragraphs(command.help or "")
    for title, options in grouped(command, context):
        if title != "Options":
            yield from (".PP", rf"\fI{_text(title)}\fR")
        for each in options:
            record = each.get_help_record(context)
            if record is not None and "help" not in each.opts[-1]:
                yield from (".TP", rf"\fB{_text(record[0])}\fR", _text(record[1]) or r"\&")
    yield from (".PP", r"\fIExamples\fR")
    for example in EXAMPLES[command.name or ""]:
        yield from (".PP", _text(f"{example.says[0].upper()}{example.says[1:]}:"), ".RS", ".nf")
        yield from (_text(f"{PROGRAM} {example.words}"), ".fi", ".RE")
    yield from (".PP", r"\fIExit status\fR")
    for status, says in statuses(command.name or ""):
        yield from (".TP", rf"\fB{status}\fR", _text(says))


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:  # a heading begins the first
            yield ".PP"
        yield _text(paragraph)


def _text(text: str) -> str:
    r"""A text on one line, as the macros take it.

    >>> print(_text(".hidden --set a\\b"))
    \&.hidden \-\-set a\eb
    """
    text = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return rf"\&{text}" if text.startswith((".", "'")) else text


_ENVIRONMENT = {
    "SPEC_COMPILER_CACHE": "The folder for what Keras has said before, so that it is not asked again; `off` for none.",
    "KERAS_BACKEND": "What Keras runs on: `tensorflow`, `jax` or `torch`.",
    "KERAS_HOME": "The folder of Keras's settings, and of the weights that it has downloaded.",
    "NO_COLOR": "Where it is set, nothing is coloured.",
    "TF_CPP_MIN_LOG_LEVEL": "Which lines TensorFlow's C++ part may write; those of 0, all, to 3, none.",
}


def main() -> None:
    """Writes the page, or compares it."""
    if "--check" not in sys.argv[1:]:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
        echo(f"{PAGE.name} is not what the commands say: `python -m spec_compiler.cli.man` writes it", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
