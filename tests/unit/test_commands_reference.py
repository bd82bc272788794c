"""The reference of the commands has every command and every option that the program has."""

from __future__ import annotations

import click
import pytest

from documentation.commands import FILES, main, missing, pages
from documentation.pages import DOCS
from spec_compiler.cli.help_texts import COMMAND_GROUPS, EXAMPLES
from spec_compiler.cli.main import COMMANDS, cli

TEXTS = {title: (DOCS / file).read_text(encoding="utf-8") for title, file in FILES.items()}


def test_the_pages_are_fresh() -> None:
    assert main(["--check"]) == 0, "run `make schemas`"


def test_every_command_has_its_place() -> None:
    assert missing() == []
    assert [name for name in COMMANDS if f"| [`{name}`](" not in pages()["commands.md"]] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_told(name: str) -> None:
    (title,) = [title for title, group in COMMAND_GROUPS.items() if name in group]
    text = TEXTS[title].partition(f"\n## `{name}`\n")[2].partition("\n## ")[0]
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    for option in (each for each in command.params if isinstance(each, click.Option)):
        assert f'<a id="{name}{max(option.opts, key=len)}"></a>' in text, option.opts
        assert option.help, f"{name} {option.opts[-1]} says nothing"
    assert all(f"\nspec-compiler {each.words}\n" in text for each in EXAMPLES[name])
    assert "**Exit status**" in text
