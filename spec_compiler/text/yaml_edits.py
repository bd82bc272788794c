"""A change of a spec made in its text: only the place itself is written anew, all around it stays byte for byte.

`Edits` proves it: the new text says exactly what was meant, or nothing is changed.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from spec_compiler.diagnostics import Path
from spec_compiler.diagnostics.advice import Add, Remove, Rename, Space, Wrap, Write
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.text.changed_data import NotWritten, Step, changed, place_of
from spec_compiler.text.yaml_nodes import Tree, is_block, style_of
from spec_compiler.text.yaml_text import parse_source

_QUOTES = ("'", '"')
_PLAIN = re.compile(r"[^\W\d](?:[\w./:*@>-]*[\w*])?")  # needs no quotes anywhere, unless it is `null` or the like


class Splice(NamedTuple):
    """A stretch of the text, its end exclusive, and what comes in its place."""

    start: int
    end: int
    text: str


class Edits:
    """Changes of one text: each is added at its place in the text as it was, and all are made at once.

    Raises:
        NotWritten: the text is no YAML.
    """

    def __init__(self, text: str) -> None:
        try:
            self.data: Any = parse_source(text).data
        except ValueError as error:
            raise NotWritten(str(error)) from None
        self._meant, self._tree = self.data, _Splices(text)
        self._splices: list[Splice] = []

    def add(self, step: Step) -> tuple[Splice, tuple[Path, ...]]:
        """How the text is to change, and at which places of the data.

        Raises:
            NotWritten: there is no such place, no way to write it, or it is in the way of another change.
        """
        try:
            step = step.at(place_of(self.data, step))
            splice = self._tree.splice(step)
            places = tuple(self._tree.places(step.path, step.is_of_the_key))
            if any(splice.start <= each.end and each.start <= splice.end for each in self._splices):
                raise NotWritten("another change is there")
            meant = self._meant
            for place in places:
                meant = changed(meant, step.at(place))
        except (ValueError, LookupError, RecursionError) as error:
            raise NotWritten(str(error)) from None
        self._meant = meant
        self._splices.append(splice)
        return splice, places

    def text(self) -> str:
        """The text with every change.

        Raises:
            NotWritten: it would say something else than what was meant.
        """
        text = self._tree.text
        for splice in sorted(self._splices, reverse=True):
            text = text[: splice.start] + splice.text + text[splice.end :]
        try:
            said = parse_source(text).data
        except ValueError as error:
            raise NotWritten(str(error)) from None
        if repr(said) != repr(self._meant):
            raise NotWritten("the text would say something else")
        return text


def edited(text: str, step: Step) -> str:
    """The text with a change made in it.

    Raises:
        NotWritten: there is no such place, or no way to write the change that says just what was meant.

    >>> edited("head:\\n  - Dens: 10  # one a class\\n", Step(("head", 0, "Dens"), Write("Dense"), at_key=True))
    'head:\\n  - Dense: 10  # one a class\\n'
    """
    edits = Edits(text)
    edits.add(step)
    return edits.text()


class _Splices(Tree):
    """Where the text of a spec changes, for each kind of change."""

    def splice(self, step: Step) -> Splice:
        """Where the text changes, and to what."""
        match step.change:
            case Write(str(name)) if step.at_key:
                return self._renamed(step.path, name)
            case Write(value) if not step.at_key:
                try:
                    return self._written(step, value)
                except LookupError:
                    return self._missing(step.path, value)
            case Rename(name):
                return self._renamed(step.path, name)
            case Add(name, value, _, first):
                return self._added(self.at(step.path)[2], name, value, first)
            case Remove(_, comments):
                return self._removed(step.path, comments)
            case Wrap(name):
                return self._wrapped(step.path, name)
            case Space():
                key = self._key(step.path)
                start, end = self.content(key)
                colon = self.text.index(":", start, end) + 1
                return Splice(start, end, f"{self.text[start:colon]} {self.text[colon:end]}")
        raise NotWritten("no change of this kind")

    def _key(self, path: Path) -> Node:
        key = self.at(path)[1]
        if key is None:
            raise NotWritten("there is no key")
        return key

    def _renamed(self, path: Path, name: str) -> Splice:
        key = self._key(path)
        return Splice(*self.content(key), _scalar(name, style_of(key)))

    def _written(self, step: Step, value: Any) -> Splice:
        around, key, node = self.at(step.path)
        start, end = self.content(node)
        if step.chars is not None:
            inner = start + 1 if style_of(node) in _QUOTES else start
            if self.text[inner : inner + len(node.value)] != node.value:
                raise NotWritten("the text is written with escapes")
            return Splice(inner + step.chars[0], inner + step.chars[1], str(value))
        if isinstance(node, ScalarNode):
            if style_of(node) in ("|", ">"):
                raise NotWritten("a text of several lines")
            if start == end:
                return self._behind(key, value)
            return Splice(
                start, end, _value(value, style_of(node), isinstance(around, SequenceNode) and is_block(around))
            )
        if is_block(node):
            end = self.last(node)
            if "#" in self.text[start:end]:
                raise NotWritten("there are comments in it")
            if key is not None:
                return self._behind(key, value)._replace(end=end)
        return Splice(start, end, flow(value))

    def _behind(self, key: Node | None, value: Any) -> Splice:
        """A value behind a key that has none."""
        if key is None:
            raise NotWritten("an empty entry")
        colon = self.text.index(":", key.end_mark.index) + 1
        return Splice(colon, colon, f" {flow(value)}")

    def _missing(self, path: Path, value: Any) -> Splice:
        """A value for a key that is not there: the mapping gets it, or a class the argument that stands for itself."""
        node = self.at(path[:-1])[2]
        if isinstance(node, ScalarNode) and node.value:
            return Splice(*self.content(node), flow(value))
        return self._added(node, str(path[-1]), value, False)

    def _added(self, node: Node, name: str, value: Any, first: bool) -> Splice:
        entry = f"{_scalar(name, None)}: {flow(value)}"
        if isinstance(node, ScalarNode):
            end = self.content(node)[1]
            if not node.value:
                raise NotWritten("an empty entry")
            return Splice(end, end, f": {{{entry}}}")  # `Dense` alone
        if not isinstance(node, MappingNode):
            raise NotWritten("no mapping")
        if not is_block(node):
            last = node.end_mark.index - 1
            at = self.end(*node.value[-1]) if node.value else last
            return Splice(at, at, f", {entry}" if node.value else entry)
        indent = " " * node.value[0][0].start_mark.column
        if first:
            at = node.value[0][0].start_mark.index
            return Splice(at, at, f"{entry}{self.newline}{indent}")
        at = self.line_end(self.last(node))
        return Splice(at, at, f"{self.newline}{indent}{entry}")

    def _removed(self, path: Path, comments: bool = False) -> Splice:
        around, key, node = self.at(path)
        if key is None or not isinstance(around, MappingNode):
            return self._removed_entry(around, node, path[-1])
        pairs = around.value
        index = next(index for index, pair in enumerate(pairs) if pair[0] is key)
        start, end = key.start_mark.index, self.end(key, node)
        if not is_block(around):
            if index + 1 < len(pairs):
                end = pairs[index + 1][0].start_mark.index
            elif index:
                start = self.end(*pairs[index - 1])
        elif len(pairs) == 1:
            raise NotWritten("nothing would be left")
        elif not self.text[self.line_start(start) : start].strip():
            start, end = self.line_start(start), self.line_end(end)
            end += len(self.newline) if self.text.startswith(self.newline, end) else 0
        elif index + 1 < len(pairs):  # the first key of an entry, behind its dash
            end = pairs[index + 1][0].start_mark.index
        if "#" in self.text[start:end] and not comments:
            raise NotWritten("there are comments in it")
        return Splice(start, end, "")

    def _removed_entry(self, around: Node | None, node: Node, index: Any) -> Splice:
        if not isinstance(around, SequenceNode) or len(around.value) == 1:
            raise NotWritten("nothing would be left")
        start, end = node.start_mark.index, node.end_mark.index
        if not is_block(around):
            if index + 1 < len(around.value):
                end = around.value[index + 1].start_mark.index
            else:
                start = around.value[index - 1].end_mark.index
        else:
            end = self.line_end(end if isinstance(node, ScalarNode) or not is_block(node) else self.last(node))
            end += len(self.newline) if self.text.startswith(self.newline, end) else 0
            start = self.line_start(start)
            if not self.text[start:end].lstrip().startswith("- "):
                raise NotWritten("the entry does not begin its line")
        if start >= end or "#" in self.text[start:end]:
            raise NotWritten("there are comments or aliases in it")
        return Splice(start, end, "")

    def _wrapped(self, path: Path, name: str) -> Splice:
        _, key, node = self.at(path)
        start, end = self.content(node)
        if key is not None and start < key.end_mark.index:
            end = self.end(key, node)
            start = self.text.rindex("*", 0, end)
            return Splice(start, end, f"{{{_scalar(name, None)}: {self.text[start:end]}}}")
        if isinstance(node, ScalarNode) or not is_block(node):
            text = self.text[start:end]
            if isinstance(node, ScalarNode) and not style_of(node):
                text = _scalar(text, None) if isinstance(parse_source(text).data, str) else text
            anchor = self.text[node.start_mark.index : start]
            return Splice(node.start_mark.index, end, f"{{{_scalar(name, None)}: {anchor}{text}}}")
        column = key.start_mark.column if key is not None else node.start_mark.column - 2
        end = self.last(node)
        first, *rest = self.text[start:end].split(self.newline)
        by = " " * max(2, column + 4 - node.start_mark.column)
        lines = [first, *(by + line if line.strip() else line for line in rest)]
        indent = " " * (column + 2)
        opening = self.line_start(start)
        body = f"{self.newline}{self.text[opening:start]}{by}{self.newline.join(lines)}"
        if anchor := self.text[node.start_mark.index : start].strip():
            before = len(self.text[: node.start_mark.index].rstrip(" "))
            return Splice(before, end, f"{self.newline}{indent}{_scalar(name, None)}: {anchor}{body}")
        return Splice(opening, end, f"{indent}{_scalar(name, None)}:{body}")


def _scalar(text: str, style: str | None) -> str:
    """A text in the quotes that stood there."""
    if style == "'":
        return "'" + text.replace("'", "''") + "'"
    if style == '"':
        return json.dumps(text, ensure_ascii=False)
    return text if _PLAIN.fullmatch(text) and parse_source(text).data == text else flow(text)


def _value(value: Any, style: str | None, is_entry: bool) -> str:
    if isinstance(value, str):
        return _scalar(value, style)
    if is_entry and isinstance(value, dict) and len(value) == 1:  # `- Dropout: 0.5`, without braces
        [(key, inner)] = value.items()
        return f"{flow(key)}: {flow(inner)}"
    return flow(value)
