"""`explain`: what a code means, and what a section, a key or a form of the language says."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

import click

from spec_compiler.cli import completing
from spec_compiler.cli.documented import Documented
from spec_compiler.cli.terminal import NEWLINE, Shown, echo, joined, style
from spec_compiler.diagnostics import RULES, did_you_mean

if TYPE_CHECKING:
    from spec_compiler.spec.described import Described, Key

WIDTH = 100  # columns, as the help of the commands has them


@click.command(cls=Documented)
@click.argument("name", metavar="[CODE | NAME]", required=False, shell_complete=completing.explained)
def explain(name: str | None) -> None:
    """Explain a code, with a wrong and a right example; or a section, a key, a form: `prune`, `prune.keep`, `selector`.

    Without one, list all codes.
    """
    if name is None:
        echo(rules_text())
    elif name.upper() in RULES:
        _explain_rule(name.upper())
    else:
        _explain_name(name)


def _explain_rule(code: str) -> None:
    from spec_compiler.diagnostics.rules.pages import explanation  # a list of all codes starts sooner without it

    explained = explanation(code)
    rule = explained.rule
    kind = "a warning" if rule.severity == "warning" else "an error"
    echo(style(f"{rule.code}: {rule.title}", bold=True))
    echo(f"({rule.family}; {kind})\n\n{explained.text}")
    for title, example, color in (("Wrong", explained.wrong, "red"), ("Right", explained.right, "green")):
        lines = "".join(f"    {line}".rstrip() + "\n" for line in example.text.splitlines())
        echo(NEWLINE + style(title, fg=color) + ":")
        echo(f"\n{lines}", nl=False)


def _explain_name(name: str) -> None:
    from spec_compiler.spec.described import explained, names  # pydantic takes longer over the schema than a check

    found = explained(name)
    if found:
        echo(joined((joined(_lines(each)) for each in found), "\n\n"))
        return
    otherwise = "`spec-compiler explain` lists the codes, docs/language.md has every section and key"
    what = "rule, section, key or form"
    if re.fullmatch(r"(?i)sc\d*", name):
        what, otherwise = "rule", f"the codes go from {min(RULES)} to {max(RULES)}"
    help = did_you_mean(name, [*RULES] if what == "rule" else [*RULES, *names()], otherwise)
    raise click.UsageError(f"there is no {what} `{name}`; {help}")


def rules_text() -> str:
    """Every code with its title, a block for each family."""
    blocks = []
    for family, rules in groupby(RULES.values(), key=lambda rule: rule.family):
        lines = [f"  {rule.code}  {rule.title}{' (warning)' * (rule.severity == 'warning')}" for rule in rules]
        blocks.append(joined([style(family, bold=True), *lines]))
    return joined(blocks, "\n\n")


def _lines(described: Described) -> Iterator[Shown | str]:
    yield style(described.name, bold=True)
    yield from _paragraph(described.says, "")
    for element, matches in described.elements.items():
        yield ""
        yield f"  {element}"
        yield from _paragraph(matches, "      ")
    for key in described.keys:
        yield ""
        yield _heading(key)
        yield from _paragraph(key.told, "      ")
    for example in described.examples:
        yield ""
        yield from (f"    {line}" for line in example.rstrip().splitlines())


def _heading(key: Key) -> Shown:
    words = f" ({'needed: ' * key.needed}{_plain(key.words)})" if key.words else " (needed)" * key.needed
    return "  " + style(key.name or "any other", bold=True) + words


def _paragraph(text: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(
        _plain(text),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain(text: str) -> str:
    """The text without the page's links."""
    return re.sub(r"\[([^\]]+)\]\(#[^)]+\)", r"\1", text)
