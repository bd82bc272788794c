"""Commands whose help has examples, exit statuses, and its options in groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import click

COMPLETION = "_SPEC_COMPILER_COMPLETE"  # the variable by which a shell asks, whatever the program is called

Call = TypeVar("Call", bound=Callable[..., Any])


class Documented(click.Command):
    """A command with a full help; the texts are read when it is asked for."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, group by group."""
        for title, options in grouped(self, ctx):
            with formatter.section(title):
                formatter.write_dl([row for each in options if (row := each.get_help_record(ctx)) is not None])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, and what each exit status means."""
        from spec_compiler.cli.help_texts import EXAMPLES, statuses  # who runs a command needs none of them

        with formatter.section("Examples"):
            for words, says in EXAMPLES.get(self.name or "", ()):
                # As it is typed, never broken: `write_text` would wrap it.
                formatter.write(f"{'':{formatter.current_indent}}# {says}\n")
                formatter.write(f"{'':{formatter.current_indent}}spec-compiler {words}\n")
        with formatter.section("Exit status"):
            formatter.write_dl(list(statuses(self.name or "")))


def grouped(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, Sequence[click.Parameter]]]:
    """The options of a command in the groups of the help, those of none first, `--help` last of these."""
    from spec_compiler.cli.help_texts import OPTION_GROUPS  # as above

    options = [each for each in command.get_params(ctx) if each.param_type_name == "option"]
    named = {name for names in OPTION_GROUPS.values() for name in names}
    groups = [("Options", [each for each in options if each.name not in named])]
    groups += [
        (title, sorted((each for each in options if each.name in names), key=lambda each: names.index(each.name or "")))
        for title, names in OPTION_GROUPS.items()
    ]
    yield from ((title, found) for title, found in groups if found)


def format_option(*formats: str) -> Callable[[Call], Call]:
    """`--format`, one of some; the first if not said."""
    return click.option(
        "--format",
        "format_",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="The format of the output.",
    )
