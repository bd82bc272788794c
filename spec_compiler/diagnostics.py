"""What the compiler says when a spec and a model do not fit: rules, diagnostics and the one error that carries them.

Inner code raises `SpecError` with a rule and a path relative to the field it was given; each outer layer adds its
own part of the path, and `Source` adds file, line and column.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Path = tuple[str | int, ...]
Severity = Literal["error", "warning"]

FAMILIES = {
    "SC0": "YAML",
    "SC1": "fields",
    "SC2": "names",
    "SC3": "topology",
    "SC4": "shapes",
    "SC5": "weights and files",
    "SC6": "training",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of mistake: its stable code (never reused) and what it means, in one line."""

    code: str
    title: str
    severity: Severity = "error"


RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in (
        Rule("SC001", "the file is not valid YAML"),
        Rule("SC002", "a key appears twice in one mapping"),
        Rule("SC003", "the file is empty"),
        Rule("SC004", "the file cannot be read as text"),
        Rule("SC005", "the file is larger or deeper than a spec may be"),
        Rule("SC006", "YAML that a spec does not use: tags, several documents, keys that are not text"),
        Rule("SC101", "a key that this mapping does not have"),
        Rule("SC102", "a required key is missing"),
        Rule("SC103", "a value of the wrong type or outside its range"),
        Rule("SC104", "a selector that cannot be parsed"),
        Rule("SC105", "a layer entry that is not `Class`, `Class: {arguments}` or `Class: first argument`"),
        Rule("SC106", "a layer argument that the class does not take"),
        Rule("SC107", "a layer argument with a value that the class does not take"),
        Rule("SC108", "sections or keys that exclude each other"),
        Rule("SC109", "an override (`--set`) that does not name a place in the spec"),
        Rule("SC110", "a variable (`${name}`) that `vars` does not have"),
        Rule("SC201", "a name or pattern that matches no layer"),
        Rule("SC202", "an unknown layer class"),
        Rule("SC203", "an unknown application"),
        Rule("SC204", "a layer name that is already taken"),
        Rule("SC205", "a selector that matches several layers where one is wanted"),
        Rule("SC206", "a layer that an earlier section took away"),
        Rule("SC207", "a selector that matched another number of layers than `expect` says"),
        Rule("SC208", "a layer that is called more than once, named without a call index"),
        Rule("SC301", "a range whose ends no path connects"),
        Rule("SC302", "a region that shares a tensor with the rest of the model"),
        Rule("SC303", "an edit at a place where the graph does not allow it"),
        Rule("SC304", "a base whose graph cannot be read"),
        Rule("SC305", "an edit that separates the calls of a shared layer", "warning"),
        Rule("SC306", "a new layer that no output depends on"),
        Rule("SC401", "a layer that cannot take its input"),
        Rule("SC402", "a kept layer whose weights no longer fit its input"),
        Rule("SC403", "a new layer that cannot be made from its arguments"),
        Rule("SC501", "a file that is missing"),
        Rule("SC502", "a file that cannot be read as what it should be"),
        Rule("SC503", "a weights file of another model"),
        Rule("SC504", "a weights file that could not be downloaded"),
        Rule("SC505", "a base that could not be built from its arguments"),
        Rule("SC506", "a weight map entry that does not fit"),
        Rule("SC507", "a kept layer that the weight map leaves out", "warning"),
        Rule("SC509", "a layer whose code a saved file would carry", "warning"),
        Rule("SC508", "a file that already exists, or a place that cannot be written"),
        # training
        Rule("SC601", "an optimizer, loss, metric or callback that Keras does not have"),
        Rule("SC602", "a data folder that is missing, or a class without images"),
        Rule("SC603", "an image that cannot be read"),
        Rule("SC604", "data that does not fit the model: classes, image size, channels"),
        Rule("SC605", "a loss or metric that does not fit the model's output or the labels"),
        Rule("SC606", "Python code named in a spec: not permitted, not found, or failed"),
        Rule("SC607", "a phase that would train nothing"),
        Rule("SC608", "a run that cannot be written or continued"),
        Rule("SC609", "training that Keras refused or that broke down"),
    )
}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One statement about a spec: its code, what is wrong, where, and how to mend it.

    `path` leads to the value inside the spec, for example `("insert", 0, "after")`. `line` and `column` count from 1
    and are None where the spec was not read from text. `end_column` is exclusive.
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
    source_line: str | None = field(default=None, compare=False, repr=False)

    @property
    def severity(self) -> Severity:
        """`error`, or `warning` for what is legal but surely not meant."""
        return RULES[self.code].severity

    def under(self, *prefix: str | int) -> Diagnostic:
        """The same statement, its path seen from further out."""
        return replace(self, path=(*prefix, *self.path))


class SpecError(ValueError):
    """A spec at fault, with every diagnostic found before the compiler stopped.

    >>> error = SpecError.single("SC201", "no layer named `conv_1`", path=("after",))
    >>> error.under("insert", 0).diagnostics[0].path
    ('insert', 0, 'after')
    """

    diagnostics: tuple[Diagnostic, ...]

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(_one_line(each) for each in self.diagnostics))

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
    ) -> SpecError:
        """An error with one diagnostic, `path` being relative to the field that raises it."""
        diagnostic = Diagnostic(
            code, message, path, help=help, notes=tuple(notes), at_key=at_key, chars=chars, related=tuple(related)
        )
        return cls([diagnostic])

    def under(self, *prefix: str | int) -> SpecError:
        """The same error, its paths seen from further out."""
        return SpecError(each.under(*prefix) for each in self.diagnostics)


def near(word: str, candidates: Iterable[str]) -> list[str]:
    """Up to three names that the user may have meant, the likeliest first.

    >>> near("block2_conv_1", ["block1_conv1", "block2_conv1", "flatten"])
    ['block2_conv1', 'block1_conv1']
    """
    by_folded: dict[str, str] = {}
    for name in candidates:
        by_folded.setdefault(name.casefold(), name)
    folded = word.casefold()
    found = difflib.get_close_matches(folded, list(by_folded), n=12, cutoff=0.7)
    found = found or [name for name in by_folded if len(folded) > 2 and name.startswith(folded)]
    scores = {name: round(difflib.SequenceMatcher(None, folded, name).ratio(), 2) for name in found}
    found.sort(key=lambda name: (-scores[name], -_shared(folded, name), name))
    return [by_folded[name] for name in found[:3] if scores[name] > scores[found[0]] - 0.1]


def _shared(left: str, right: str) -> int:
    """How many letters two words begin with in common."""
    return next(
        (at for at, (one, other) in enumerate(zip(left, right, strict=False)) if one != other),
        min(len(left), len(right)),
    )


def did_you_mean(word: str, candidates: Iterable[str], otherwise: str | None = None) -> str | None:
    """The help line that offers near names, or `otherwise` where nothing is near."""
    names = near(word, candidates)
    if not names:
        return otherwise
    return "did you mean " + " or ".join(f"`{name}`" for name in names[:2]) + "?"


def render(diagnostic: Diagnostic) -> str:
    """The diagnostic as rustc would print it: code, place, the line with a caret under the span, and the fix."""
    lines = [f"{diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"]
    gutter = " "
    if diagnostic.line is not None:
        number = str(diagnostic.line)
        gutter = " " * len(number)
        column = diagnostic.column or 1
        lines.append(f"{gutter}--> {diagnostic.file or '<spec>'}:{number}:{column}")
        if diagnostic.source_line is not None:
            text = diagnostic.source_line.rstrip().expandtabs(1)
            end = diagnostic.end_column or column + 1
            width = max(1, min(end, len(text) + 1) - column)
            start = column
            if len(text) > 160:  # a window on a very long line, so that the caret stays on the screen
                first = max(0, column - 60)
                text, start = text[first : first + 120], column - first
                width = min(width, max(1, 121 - start))
            lines += [f"{gutter} |", f"{number} | {text}", f"{gutter} | {' ' * (start - 1)}{'^' * width}"]
    elif diagnostic.path:
        lines.append(f" --> {diagnostic.file or '<spec>'}: {dotted(diagnostic.path)}")
    lines += [f"{gutter} = note: {note}" for note in diagnostic.notes]
    if diagnostic.help:
        advice, *rest = diagnostic.help.split("\n")
        lines.append(f"{gutter} = help: {advice}")
        lines += [f"{gutter}         {each}" for each in rest]
    return "\n".join(lines)


def dotted(path: Path) -> str:
    """A path as users write it: `insert[0].after`.

    >>> dotted(("insert", 0, "after"))
    'insert[0].after'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _one_line(diagnostic: Diagnostic) -> str:
    place = dotted(diagnostic.path)
    if diagnostic.line is not None:
        place = f"{diagnostic.file or '<spec>'}:{diagnostic.line}:{diagnostic.column}"
    text = f"{diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"
    text = f"{place}: {text}" if place else text
    return f"{text} (help: {diagnostic.help})" if diagnostic.help else text


def show(value: Any) -> str:
    """A value in a message: what kind it is, and what it says if that is short."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        text = str(value) if not isinstance(value, int) or abs(value) < 10**30 else "a huge number"
        return f"the number `{text}`"
    if isinstance(value, str):
        return f"the text `{value if len(value) <= 40 else value[:37] + '…'}`"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else f"`{type(value).__name__}`"
