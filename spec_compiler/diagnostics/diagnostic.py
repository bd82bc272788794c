"""What the compiler says when a spec and a model do not fit: rules, diagnostics and the one error that carries them.

Inner code raises `SpecError` with a rule and a path relative to the field it was given; each outer layer adds its
own part of the path, and `Source` adds file, line and column.
"""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, NamedTuple

from spec_compiler.diagnostics.excerpt import dotted as dotted
from spec_compiler.diagnostics.excerpt import excerpt
from spec_compiler.diagnostics.near import did_you_mean as did_you_mean
from spec_compiler.diagnostics.near import near as near
from spec_compiler.diagnostics.printable import printable, printable_lines
from spec_compiler.diagnostics.rules import RULES as RULES
from spec_compiler.diagnostics.rules import Severity

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fix:
    """A change of the spec that may mend a mistake: how to say it, and which values it sets at which full paths.

    An index one past the end of a list, or a section that is not there, adds to it.

    Attributes:
        text: how it is said.
        changes: which values it sets, each with the path to it.
    """

    text: str
    changes: tuple[tuple[Path, Any], ...] = field(hash=False)


class Override(NamedTuple):
    """A text of `--set`, whose value is at fault, and the stretch of it that is meant; its end is exclusive.

    Attributes:
        text: as it was typed.
        start: where the stretch begins.
        end: where it ends.
    """

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, repr=False)
class Diagnostic:
    """One statement about a spec: its code, what is wrong, where, and how to mend it. As text, it is as the command
    line prints it.

    `path` leads to the value inside the spec, for example `("insert", 0, "after")`. `line` and `column` count from 1
    and are None where the spec was not read from text, or where `override` set what is meant. `end_column` is
    exclusive.

    Attributes:
        code: of its rule.
        message: what is wrong.
        path: the keys and indices that lead to the value inside of the spec.
        file: the file that it is in.
        line: from 1; None where the spec was not read from text.
        column: from 1.
        end_column: behind the last column that is meant.
        help: how to mend it.
        notes: what else is to know.
        at_key: whether the key at the end of `path` is meant, not its value.
        chars: the part of the value that is meant, as offsets into its text.
        related: other places that matter: what happened there, and the path to it.
        fixes: changes that may mend it; `help` says those that work.
        override: the text of `--set` that is at fault, where it is one.
        source_line: the line that it is in.
    """

    code: str
    message: str
    path: Path = ()
    file: str | None = None
    line: int | None = None
    column: int | None = None
    end_column: int | None = None
    help: str | None = None
    notes: tuple[str, ...] = ()
    at_key: bool = False  # the key at the end of `path` is meant, not its value
    chars: tuple[int, int] | None = None  # a part of the scalar at `path`, as offsets into its text
    related: tuple[tuple[str, Path], ...] = ()  # other places that matter: what happened there, and its full path
    fixes: tuple[Fix, ...] = ()  # not said before they are tried: those that work come before `help`
    override: Override | None = None
    source_line: str | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"<{_one_line(self)}>"

    def __str__(self) -> str:
        return render(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: message, place and help."""
        return Diagnostics((self,))._repr_html_()

    @property
    def severity(self) -> Severity:
        """`error`, or `warning` for what is legal but surely not meant."""
        return RULES[self.code].severity

    def under(self, *prefix: str | int) -> Diagnostic:
        """The same statement, its path seen from further out."""
        return replace(self, path=(*prefix, *self.path))


class Diagnostics(tuple[Diagnostic, ...]):
    """A tuple of diagnostics that shows itself as the command line prints them."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n\n".join(map(render, self)) or "()"

    def _repr_html_(self) -> str:
        """What a notebook shows: one below the other."""
        from spec_compiler.diagnostics.cells import cell  # a command shows no cell
        from spec_compiler.diagnostics.shown import all_of  # as above

        return cell(*all_of(self))


class SpecError(ValueError):
    """A spec at fault, with every diagnostic found before the compiler stopped; its text is as the command line has it.

    Attributes:
        diagnostics: each mistake, with its place and its fix.

    >>> error = SpecError.single("SC201", "no layer named `conv_1`", path=("after",))
    >>> error.under("insert", 0).diagnostics[0].path
    ('insert', 0, 'after')
    """

    __module__ = "spec_compiler"  # where users import it from, as tracebacks name it

    diagnostics: tuple[Diagnostic, ...]

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = Diagnostics(diagnostics)
        super().__init__(self.diagnostics)  # what a pickled one is made from again

    def __str__(self) -> str:
        return repr(self.diagnostics)

    def __repr__(self) -> str:
        return f"SpecError({', '.join(map(repr, self.diagnostics))})"

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: where the caller's own code called us, and the diagnostics; nothing of our inside."""
        return [*_call_sites(self.__traceback__), str(self)]

    def _repr_html_(self) -> str:
        """What a notebook shows of one that was caught."""
        return Diagnostics(self.diagnostics)._repr_html_()

    @classmethod
    def single(
        cls,
        code: str,
        message: str,
        *,
        path: Path = (),
        help: str | None = None,
        notes: Sequence[str] = (),
        at_key: bool = False,
        chars: tuple[int, int] | None = None,
        related: Sequence[tuple[str, Path]] = (),
        fixes: Sequence[Fix] = (),
    ) -> SpecError:
        """An error with one diagnostic, `path` being relative to the field that raises it."""
        diagnostic = Diagnostic(code, message, path, help=help, notes=tuple(notes), at_key=at_key, chars=chars)
        return cls([replace(diagnostic, related=tuple(related), fixes=tuple(fixes))])

    def under(self, *prefix: str | int) -> SpecError:
        """The same error, its paths seen from further out."""
        return SpecError(each.under(*prefix) for each in self.diagnostics)


@contextlib.contextmanager
def under(*prefix: str | int) -> Iterator[None]:
    """Raises the errors of its block with their paths seen from further out.

    >>> with under("insert", 0):
    ...     raise SpecError.single("SC201", "no layer named `conv_1`", path=("after",))
    Traceback (most recent call last):
    spec_compiler.SpecError: error[SC201]: no layer named `conv_1`
     --> <spec>: insert[0].after
    """
    try:
        yield
    except SpecError as error:
        raise error.under(*prefix) from None


@contextlib.contextmanager
def collected(problems: list[Diagnostic], *prefix: str | int) -> Iterator[None]:
    """Adds the diagnostics of its block's error to the problems, their paths seen from further out, and goes on.

    >>> problems = []
    >>> with collected(problems, "from"):
    ...     raise SpecError.single("SC201", "no layer named `conv_1`")
    >>> problems[0].path
    ('from',)
    """
    try:
        yield
    except SpecError as error:
        problems += error.under(*prefix).diagnostics


def quoted(names: Iterable[object]) -> str:
    """Names as a message lists them.

    >>> quoted(["conv1", "conv2"])
    '`conv1`, `conv2`'
    """
    return ", ".join(f"`{name}`" for name in names)


def _call_sites(trace: TracebackType | None) -> list[str]:
    """The caller's own lines in a traceback, up to the one that called us."""
    ours, sites = os.path.dirname(os.path.dirname(os.path.abspath(__file__))), []
    for frame in traceback.extract_tb(trace):
        if frame.filename.startswith(ours) or frame.filename == contextlib.__file__:  # `under` is one of its managers
            break
        if f"{os.sep}IPython{os.sep}" not in frame.filename:
            sites.append(f"line {frame.lineno} of {frame.name}: {frame.line}")
    return sites


def render(diagnostic: Diagnostic) -> str:
    """The diagnostic as rustc would print it: code, place, the line with a caret under the span, and the fix."""
    gutter, where = excerpt(diagnostic)
    lines = [f"{diagnostic.severity}[{diagnostic.code}]: {printable(diagnostic.message)}", *where]
    for kind, said in (*(("note", note) for note in diagnostic.notes), ("help", diagnostic.help)):
        if said:
            opening, *rest = printable_lines(said).split("\n")
            lines.append(f"{gutter} = {kind}: {opening}")
            lines += [f"{gutter}         {each}" for each in rest]
    return "\n".join(lines)


def _one_line(diagnostic: Diagnostic) -> str:
    place = dotted(diagnostic.path)
    if diagnostic.line is not None:
        place = f"{diagnostic.file or '<spec>'}:{diagnostic.line}:{diagnostic.column}"
    elif diagnostic.override is not None:
        place = f"--set {diagnostic.override.text}"
    text = f"{diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"
    text = f"{place}: {text}" if place else text
    return printable_lines(f"{text} (help: {diagnostic.help})" if diagnostic.help else text)


def show(value: Any) -> str:
    """A value in a message: what kind it is, and what it says if that is short."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):  # Python refuses to write an integer of more than 4,300 digits
        text = str(value) if not isinstance(value, int) or abs(value) < 10**30 else "a huge number"
        return f"the number `{text}`"
    if value in ("", [], {}, ()):
        return f"an empty {'text' if value == '' else 'mapping' if value == {} else 'list'}"
    if isinstance(value, str):
        return f"the text `{value if len(value) <= 40 else value[:37] + '…'}`"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else f"`{type(value).__name__}`"
