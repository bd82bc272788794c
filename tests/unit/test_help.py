"""What help says: each command with examples that parse, exit statuses, every option in a group; the manual page."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess

import click
import pytest

from spec_compiler.cli import man
from spec_compiler.cli.documented import Documented, grouped
from spec_compiler.cli.help_texts import COMMAND_GROUPS, EXAMPLES, FAULTS, OPTION_GROUPS
from spec_compiler.cli.main import COMMANDS, cli

ROOT = click.Context(cli, info_name="spec-compiler", terminal_width=80)


def context(name: str) -> click.Context:
    command = cli.get_command(ROOT, name)
    assert command is not None
    return click.Context(command, info_name=name, parent=ROOT, terminal_width=80, max_content_width=80)


def test_every_command_stands_in_one_group() -> None:
    assert sorted(name for group in COMMAND_GROUPS.values() for name in group) == sorted(COMMANDS)
    assert EXAMPLES.keys() == set(COMMANDS)
    assert FAULTS.keys() <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_help_is_whole(name: str) -> None:
    shown = context(name)
    assert isinstance(shown.command, Documented)
    text = shown.command.get_help(shown)
    titles = re.findall(r"^([A-Z][a-z ]+):$", text, re.M)
    assert titles[-2:] == ["Examples", "Exit status"]
    assert max(map(len, text.splitlines())) <= 80
    for option in (each for each in shown.command.params if isinstance(each, click.Option)):
        assert len(re.findall(rf"^  {', '.join(option.opts)}(?![\w-])", text, re.M)) == 1, option.opts
        assert option.help


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_parse(name: str) -> None:
    for example in EXAMPLES[name]:
        called, *words = shlex.split(example.words.partition(" >")[0])
        assert called == name
        shown = context(name)
        assert not shown.command.parse_args(shown, words)


def test_every_group_is_of_options_that_are_there() -> None:
    names = {each.name for command in COMMANDS for each in context(command).command.params}
    assert {each for group in OPTION_GROUPS.values() for each in group} <= names


def test_the_groups_hold_each_option_once() -> None:
    shown = context("check")
    found = [each.name for _, options in grouped(shown.command, shown) for each in options]
    assert sorted(map(str, found)) == sorted(
        str(each.name) for each in shown.command.get_params(shown) if each.opts[0][0] == "-"
    )


def test_the_manual_page_is_fresh() -> None:
    assert man.PAGE.read_text(encoding="utf-8") == man.page(), "`make schemas` writes it"


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="no mandoc here")
def test_the_manual_page_is_linted() -> None:
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(man.PAGE)], capture_output=True, text=True)
    found = [line for line in done.stdout.splitlines() if "missing date" not in line]  # one page for every release
    assert found == []


@pytest.mark.skipif(shutil.which("man") is None, reason="no `man` here")
def test_man_shows_the_page() -> None:
    environment = {**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8", "MANPAGER": "cat", "MANROFFOPT": "-ww"}
    done = subprocess.run(
        ["man", "--warnings", "-l", str(man.PAGE)], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    text = re.sub(r".\x08|\x1b\[[\d;]*m", "", done.stdout)
    assert "spec-compiler - change a pretrained Keras model as a YAML spec says" in text
    for name in COMMANDS:
        assert re.search(rf"^   spec-compiler {name} ", text, re.M), name
    said = " ".join(text.split())
    assert "spec-compiler plan spec.yaml --set base.weights=null --format markdown" in said
    assert "--restrict-paths Refuse files outside of the spec's folder, through `..`, links or absolute paths." in said
