"""What is said of a text that is no YAML, or more of it than a spec may be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.diagnostics.text_lines import position
from spec_compiler.text.source import Source, Span

if TYPE_CHECKING:
    from ruamel.yaml.error import MarkedYAMLError

MAX_BYTES = 250_000
MAX_DEPTH = 64
MAX_NODES = 5_000  # ruamel reads some 10,000 a second
MAX_BRACKETS = 500  # open at once; ruamel looks ahead over all of them before it says anything

_BRACKET = re.compile(r"[\[\]{}]")
_BELOW_ENTRY = re.compile(r" *- +(?P<entry>[A-Za-z_][\w>.]*)\s*(?:#.*)?\n(?P<indent> +)(?P<key>\w+):(?:\s.*)?")
_QUOTES = ("'", '"')


def yaml_error(error: MarkedYAMLError, text: str, file: str | None) -> SpecError:
    """ruamel's error in our words, where the mistake begins rather than where the reader gave up."""
    # ruamel tells where it gave up (the problem) and where that construct began (the context); either may be None.
    mark = error.problem_mark or error.context_mark
    problem = first_line(str(error.problem or error.context or "not valid YAML"))
    begun = error.context_mark
    if begun is not None and ("stream end" in problem or "end of stream" in problem):  # where it begins says more
        mark = begun
        what = "quote" if text[begun.index : begun.index + 1] in _QUOTES else "bracket or brace"
        problem = f"this {what} is never closed"
    elif "but found '<block" in problem:
        what = "a list entry (`- `)" if "sequence" in problem else "a key"
        problem = f"{what} that begins in another column than those before it"
    index = getattr(mark, "index", 0) or 0
    source = Source(None, text, file)
    lines = source.lines or [""]
    line = min(mark.line, len(lines) - 1) if mark is not None else 0
    column = mark.column if mark is not None and mark.line == line else len(lines[line])
    end = column + 1
    if (
        "expected '<document start>'" in problem
        and (first := _telling(lines, range(len(lines)))) is not None
        and first < line
    ):
        line, column, end = first, *_extent(lines[first])
        problem, begun = "the text goes on in another column than it begins in", None
    is_key = "mapping values are not allowed" in problem or "a key that begins" in problem
    below = _BELOW_ENTRY.fullmatch("\n".join(lines[max(0, line - 1) : line + 1])) if is_key else None
    above = _above(lines, line) if "mapping values are not allowed" in problem and below is None else None
    help = None
    here = text[index : index + 1]
    if "\t" in here or "\\t" in problem:
        help = "indent with spaces, YAML does not allow tabs there"
    elif here in ("*", "&", "!", "%", "@", "`"):
        help = f"a value that begins with `{here}` must stand in quotes"
    elif "never closed" in problem:
        help = "close it, or quote the whole text"
    elif text[max(0, index - 1) : index + 1] == "${":
        help = 'inside of braces and brackets a variable stands in quotes: `"${name}"`'
    elif below is not None:
        name, key = below["entry"], below["key"]
        problem = f"`{key}` stands below `- {name}`, which takes no keys"
        help = f"write `- {name}: {{}}`" if key == "from" else f"write `- {name}: {{{key}: …}}`"
        column, end = len(below["indent"]), len(below["indent"] + key)
    elif above is not None and _is_no_pair(lines[above], lines[line]):
        problem = "a text where a key and its value should stand"
        help = "write `key: value`, with a space after the colon"
        line, column, end = above, *_extent(lines[above])
    elif "mapping values are not allowed" in problem:
        help = "check the indentation, or quote a text that contains `: `"
    elif "expected ',' or" in problem or "flow" in str(error.context):
        help = "close the bracket or brace, and separate the entries with commas"
    elif "could not find expected ':'" in problem:
        help = "write `key: value`"
    elif "block" in problem or "column" in problem or "block" in str(error.context):
        help = "check the indentation: entries of one list or mapping begin in the same column"
    elif problem.startswith("the text goes on"):
        help = "begin the first line in the first column"
    notes: tuple[str, ...] = ()
    context = error.context_mark
    if error.context and context is not None and context.line < line and below is None:
        notes = (f"{first_line(str(error.context))} that begins on line {context.line + 1}",)
    before = _above(lines, line)
    columns = "another column than those" in problem or "mapping values are not allowed" in problem
    if columns and before is not None and _extent(lines[before])[0] != _extent(lines[line])[0]:
        notes = (*notes, f"line {before + 1}, above it, begins in column {_extent(lines[before])[0] + 1}")
    diagnostic = Diagnostic("SC001", f"not valid YAML: {problem}", help=help, notes=notes)
    return SpecError([source.locate_span(diagnostic, Span(line, column, line, end))])


def _telling(lines: list[str], numbers: Iterable[int]) -> int | None:
    """The first of these lines that says something."""
    return next((at for at in numbers if lines[at].strip() and not lines[at].lstrip().startswith("#")), None)


def _above(lines: list[str], line: int) -> int | None:
    """The nearest line above one that says something."""
    return _telling(lines, range(line - 1, -1, -1))


def _extent(line: str) -> tuple[int, int]:
    """Where what a line says begins and ends."""
    return len(line) - len(line.lstrip()), max(1, len(line.rstrip()))


def _is_no_pair(above: str, here: str) -> bool:
    """Whether a line is text alone, in the column of the key below it, of which YAML makes one text."""
    text = above.strip()
    alone = ": " not in text and not text.endswith(":") and not text.startswith(("- ", "[", "{"))
    return alone and _extent(above)[0] == _extent(here)[0]


def too_many_brackets(text: str) -> int | None:
    """Where more brackets are open than any spec has, if they are; closing ones in texts do no harm."""
    depth = 0
    for bracket in _BRACKET.finditer(text):
        depth = depth + 1 if bracket[0] in "[{" else max(0, depth - 1)
        if depth > MAX_BRACKETS:
            return bracket.start()
    return None


def error_at(
    source: Source,
    message: str,
    index: int,
    code: str = "SC001",
    help: str | None = "remove it, or write it as an escape in double quotes",
) -> SpecError:
    """An error at a character of the text."""
    line, column = position(source.text, index)
    diagnostic = Diagnostic(code, message, help=help)
    located = source.locate_span(diagnostic, Span(line, column, line, column + 1))
    return SpecError([replace(located, source_line=None)])


def too_large(file: str | None) -> SpecError:
    """SC005 for a file that is longer than a spec may be."""
    return SpecError([Diagnostic("SC005", f"the file is larger than {MAX_BYTES:,} bytes", file=file)])


def first_line(text: str) -> str:
    """The first line of a text."""
    return text.strip().split("\n")[0].strip()
