"""`Source`: a spec as plain data that knows the place of every key and value in its text."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from spec_compiler.diagnostics import Diagnostic, Fix, Override, Path, SpecError
from spec_compiler.diagnostics.text_lines import lines_of
from spec_compiler.files import Folder
from spec_compiler.text.plain_data import SCALARS, leaves

MOST_NOTES = 4  # of the places that led to one; blocks may be deep in blocks


class Span(NamedTuple):
    """A stretch of text, from 0, ends exclusive. `plain`: columns map one to one to the value's characters."""

    line: int
    column: int
    end_line: int
    end_column: int
    plain: bool = False


class Assignment(NamedTuple):
    """Where a text of `--set` names a place in the spec, and where its value stands, each from 0, ends exclusive.

    `plain`: the value's text is what it says, letter by letter.
    """

    text: str
    key: tuple[int, int]
    value: tuple[int, int]
    plain: bool = False


class Place(NamedTuple):
    """Where something is written: its path in a text, and which, if not the spec's own; `related`: what else to say."""

    path: Path
    source: Source | None = None
    related: tuple[tuple[str, Place], ...] = ()

    def below(self, *path: str | int) -> Place:
        """The place of what stands below it."""
        return Place((*self.path, *path), self.source, self.related) if path else self


@dataclass(frozen=True)
class Source:
    """A spec as data, with the place of everything in it.

    `data` is what YAML says, in dicts, lists and scalars. `values` and `keys` lead from a path such as
    `("insert", 0, "after")` to the span of the value there and of its key. `assigned` leads to what `--set` put there.
    `moved` leads from a path in `data`, and so from all below it, to where that is written, if it is elsewhere.
    """

    data: Any = field(repr=False)
    text: str = field(repr=False)
    file: str | None = None
    values: dict[Path, Span] = field(default_factory=dict, repr=False)
    keys: dict[Path, Span] = field(default_factory=dict, repr=False)
    assigned: dict[Path, Assignment] = field(default_factory=dict, repr=False)
    moved: Mapping[Path, Place] = field(default_factory=dict, repr=False)
    unused: tuple[str, ...] = ()  # variables that nothing uses
    unused_blocks: tuple[str, ...] = ()
    imported: tuple[str, ...] = ()  # the paths of the files that `imports` names
    is_confined: bool = False  # whether the paths in it may not leave its folder
    unfilled: Source | None = field(default=None, repr=False, compare=False)  # the same before variables are filled in

    @property
    def folder(self) -> Folder:
        """The folder that relative paths in the spec start from; the same while it is the same, as it holds files."""
        path = os.path.dirname(os.path.abspath(self.file)) if self.file else os.getcwd()
        folder: Folder | None = self.__dict__.get("_folder")
        if folder is None or folder.path != path:
            folder = Folder(path, root=path if self.is_confined else None)
            self.__dict__["_folder"] = folder  # the value stays the same: it is only not made anew
        return folder

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text."""
        return lines_of(self.text)

    def locate(self, diagnostic: Diagnostic) -> Diagnostic:
        """The diagnostic with file, line and column, at the smallest span that its path names, or with its `--set`."""
        if diagnostic.line is not None or diagnostic.override is not None:
            return diagnostic
        place = self.place(diagnostic.path)
        if diagnostic.at_key and self.moved:  # a variable's value is elsewhere, the key of it is not
            beside = self.place(diagnostic.path[:-1]).below(*diagnostic.path[-1:])
            place = beside if beside.path in (beside.source or self).keys else place
        return self.locate_at(diagnostic, place)

    def locate_at(self, diagnostic: Diagnostic, place: Place) -> Diagnostic:
        """The diagnostic at a place, and there at the smallest span."""
        here = place.source or self
        related = (*((what, self.place(path)) for what, path in diagnostic.related), *place.related)
        related = related if len(related) <= MOST_NOTES else (*related[: MOST_NOTES - 1], related[-1])
        notes = (*diagnostic.notes, *(self._said(what, other, here) for what, other in related))
        diagnostic = replace(diagnostic, notes=notes, related=())
        if place.path != diagnostic.path or here is not self:  # fixes are to be written where it is
            diagnostic = replace(diagnostic, path=place.path, fixes=tuple(map(self._written_fix, diagnostic.fixes)))
        return here._at(diagnostic)

    def _written_fix(self, fix: Fix) -> Fix:
        """The fix as a change of what is written; what another file says, none can change."""
        places = [(self.place(path), value) for path, value in fix.changes]
        return Fix(fix.text, tuple((place.path, value) for place, value in places if place.source is None))

    def place(self, path: Path) -> Place:
        """Where that is written which stands at a path of `data`."""
        if not self.moved:
            return Place(path)
        actual, here = [], self.data
        for part in path:  # where a list may hold one entry without its bracket, there is no index
            if part != 0 or isinstance(here, list | tuple):
                here = _inside(here, part)
                actual.append(part)
        return placed(tuple(actual), self.moved)

    def used_at(self, path: Path) -> Path:
        """The path in this text of what stands at a path of `data`; of what a block made, that of the block's use."""
        place = self.place(path)
        ours = [each for each in (place, *(each for _, each in place.related)) if each.source is None]
        return self.written(ours[-1].path if ours else path)

    def _said(self, what: str, place: Place, here: Source) -> str:
        """A place as a note says it."""
        source = place.source or self
        path = source.written(place.path)
        there = source.keys.get(path) or source.values.get(path) or source.keys.get(path[:1])
        file = f"{source.file}, " if source is not here and source.file else ""
        return f"{what} ({file}line {there.line + 1})" if there else what

    def _at(self, diagnostic: Diagnostic) -> Diagnostic:
        """The diagnostic with file, line and column, where its path is that of this text."""
        path = self.written(diagnostic.path)
        override = self._override(diagnostic, diagnostic.path) or self._override(diagnostic, path)
        if override is not None:
            return replace(diagnostic, file=self.file, override=override)
        span = None
        if diagnostic.at_key and path in self.keys:
            span = self.keys[path]
        elif path in self.values:
            span = _narrowed(self.values[path], diagnostic.chars)
            if span.end_line > span.line and path in self.keys:  # a block of several lines: its key says as much
                span = self.keys[path]
        else:  # the place is not in the text (a missing key): its nearest parent that is
            while path and path not in self.keys and path not in self.values:
                path = path[:-1]
            span = self.keys.get(path) or self.values.get(path)
        if span is None:
            return replace(diagnostic, file=self.file)
        return self.locate_span(diagnostic, span)

    def _override(self, diagnostic: Diagnostic, path: Path) -> Override | None:
        """The `--set` that put there what a path leads to; None where what is meant stands in the text."""
        for length in range(len(path), 0, -1):
            assignment = self.assigned.get(path[:length])
            if assignment is None:
                continue
            start, end = assignment.value
            if length == len(path) and diagnostic.at_key:
                if path in self.keys:
                    return None
                start, end = assignment.key
            elif length == len(path) and diagnostic.chars is not None and assignment.plain:
                start, end = start + diagnostic.chars[0], start + diagnostic.chars[1]
            return Override(assignment.text, start, end)
        return None

    def written(self, path: Path) -> Path:
        """The path as the text has it: where a list may hold one entry without its bracket, there is no index."""
        written: Path = ()
        for part in path:
            if part != 0 or (*written, 0) in self.values or written not in self.values:
                written = (*written, part)
        return written

    def locate_span(self, diagnostic: Diagnostic, span: Span) -> Diagnostic:
        """The diagnostic at a span, whatever its path says."""
        text = self.lines[span.line] if span.line < len(self.lines) else ""
        end = span.end_column if span.end_line == span.line else len(text.rstrip())
        return replace(
            diagnostic,
            file=self.file,
            line=span.line + 1,
            column=span.column + 1,
            end_column=max(end, span.column + 1) + 1,
            source_line=text,
        )

    def located(self, error: SpecError) -> SpecError:
        """The error with every diagnostic located, in the order of the text."""
        diagnostics = {self.locate(each): None for each in error.diagnostics}  # none of them twice
        return SpecError(sorted(diagnostics, key=lambda each: (each.line or 0, each.column or 0)))

    @contextlib.contextmanager
    def locating(self) -> Iterator[None]:
        """Gives the errors raised inside their places in the text."""
        try:
            yield
        except SpecError as error:
            raise self.located(error) from None


def placed(path: Path, moved: Mapping[Path, Place]) -> Place:
    """The place that the longest beginning of a path has moved to, and from there the rest of the path."""
    for length in range(len(path), 0, -1):
        place = moved.get(path[:length])
        if place is not None:
            return place.below(*path[length:])
    return Place(path)


def _inside(data: Any, part: str | int) -> Any:
    """What a part of a path leads to; None where nothing is."""
    if isinstance(data, Mapping):
        return data.get(part)
    return data[part] if isinstance(data, list | tuple) and isinstance(part, int) and part < len(data) else None


def texts_in(data: Any) -> Iterator[str]:
    """Every text in plain data, keys aside.

    >>> sorted(texts_in({"layers": ["pool", "conv"], "to": {"strides": 2}}))
    ['conv', 'pool']
    """
    return (each for each in leaves(data) if isinstance(each, str))


def walked(data: Any) -> Iterator[tuple[Path, Any]]:
    """Plain data itself, and every mapping, list and scalar in it, each with its path; keys as the text has them.

    Not by recursion: data that was made in Python may be nested deeper than Python's stack is.
    """
    todo: list[tuple[Path, Any]] = [((), data)]
    while todo:
        path, value = todo.pop()
        yield path, value
        if isinstance(value, SCALARS):
            continue
        if isinstance(value, Mapping):
            todo += [((*path, key_text(key)), below) for key, below in value.items()]
        elif isinstance(value, list | tuple):
            todo += [((*path, index), below) for index, below in enumerate(value)]


def key_text(key: Any) -> str:
    """A key as YAML writes it.

    >>> key_text("units"), key_text(True), key_text(None), key_text(3)
    ('units', 'true', 'null', '3')
    """
    if isinstance(key, str):
        return key
    return "null" if key is None else str(key).lower() if isinstance(key, bool) else str(key)


def _narrowed(span: Span, chars: tuple[int, int] | None) -> Span:
    if chars is None or not span.plain:
        return span
    return span._replace(column=span.column + chars[0], end_column=span.column + chars[1])
