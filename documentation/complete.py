"""Whether the pages have all that there is: every key, command, option, rule, format and public name; and are fresh."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import chain

import click

import spec_compiler
from documentation import commands, formats, house, python_api, tasks
from documentation.pages import Pages, anchors, markdown
from spec_compiler.cli.main import COMMANDS, cli
from spec_compiler.diagnostics import RULES
from spec_compiler.diagnostics.rules.pages import reference as rules
from spec_compiler.spec import reference as language
from spec_compiler.spec.described import names

# What writes pages, each by its name in `docs`.
GENERATED: tuple[Callable[[], Mapping[str, str]], ...] = (
    language.pages,
    rules,
    python_api.pages,
    commands.pages,
    formats.pages,
    lambda: {"tasks.md": tasks.page()},
    lambda: {"images/house.svg": house.picture()},
)


@cache
def _generated() -> Mapping[str, str]:
    return dict(chain.from_iterable(generate().items() for generate in GENERATED))


def stale(pages: Pages) -> Iterator[str]:
    """Generated pages that are not what their generator writes."""
    for name, text in _generated().items():
        file = pages.root / "docs" / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            yield f"docs/{name}: it is stale, `make schemas` writes it"


def left_out(pages: Pages) -> Iterator[str]:
    """What the program has and no page tells."""
    for what, folder, wanted in (
        ("the section, key or form", "language", _of_the_language()),
        ("the rule", "rules", [code.lower() for code in RULES]),
        ("the public name", "python", [name.lower() for name in spec_compiler.__all__]),
        ("the command or option", "commands", [*_of_the_program()]),
    ):
        files = (pages.root / "docs" / folder).glob("*.md")
        there = set().union(*(anchors(markdown(file)) for file in files))
        for name in wanted:
            if name not in there:
                yield f"docs/{folder}: no page has {what} `{name}`"
    told = "".join(markdown(file) for file in (pages.root / "docs" / "formats").glob("*.md"))
    for schema in sorted((pages.root / "schemas").glob("*.schema.json")):
        if schema.name != "model-spec.schema.json" and f"schemas/{schema.name})" not in told:
            yield f"docs/formats: no page has the format of `{schema.name}`"


@cache
def _of_the_language() -> list[str]:
    """Anchors of everything that has a name in the language; short names stand for longer ones."""
    found = [name for name in names() if "." in name or name.endswith(" form")]
    return [name.replace(" ", "-") for name in (*found, *language.sections())]


def _of_the_program() -> Iterator[str]:
    root = click.Context(cli)
    for name in COMMANDS:
        yield name
        command = cli.get_command(root, name)
        assert command is not None
        for option in command.params:
            if isinstance(option, click.Option):
                yield f"{name}{max(option.opts, key=len)}"


def untested(pages: Pages) -> Iterator[str]:
    """Code blocks that no test runs, and commands with options that the program has not."""
    from tests.markdown import fences  # the tests say who runs what
    from tests.unit.test_documents import RUN, WRITTEN

    known = {f"{name}{option}" if option else name for name, option in _known()}
    for name in pages.names:
        file = pages.file(name)
        if file.suffix != ".md" or name == "changelog.md":
            continue
        where = file.relative_to(pages.root).as_posix()
        if name not in WRITTEN:
            for number, language_, first in fences(file):
                if first not in RUN:
                    yield f"{where}:{number}: nobody runs this {language_ or 'code'} block"
        for command, rest in re.findall(r"spec-compiler ([a-z]+)([^`\n]*)", file.read_text(encoding="utf-8")):
            options = re.findall(r"(?<!\S)--[a-z][a-z-]*", rest)
            for wrong in (each for each in ("", *options) if f"{command}{each}" not in known):
                yield f"{where}: there is no `spec-compiler {command}{' ' * bool(wrong)}{wrong}`"


def _known() -> Iterator[tuple[str, str]]:
    root = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(root, name)
        assert command is not None
        yield from ((name, ""), (name, "--help"))
        for each in command.params:
            yield from ((name, option) for option in (*each.opts, *each.secondary_opts))
