"""A YAML text as nodes that know where they stand: to write in it, not to read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from spec_compiler.diagnostics import Path

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")
_COLON = re.compile(r"\s*:")
_ALIAS = re.compile(r"\s*:\s*\*[^\s,\[\]{}]+")


class Tree:
    """A text as nodes that know where they stand. An alias is the very node of its anchor, as is all below it."""

    def __init__(self, text: str) -> None:
        self.text: str = text
        self.root: Node = YAML(typ="safe", pure=True).compose(text)
        self.newline = next((each for each in ("\r\n", "\n", "\r") if each in text), "\n")

    def at(self, path: Path) -> tuple[Node | None, Node | None, Node]:
        """What a path leads to: the collection around it, its key, and the node; `LookupError` where nothing is."""
        around, key, here = None, None, self.root
        for part in path:
            around, key = here, None
            if isinstance(here, SequenceNode) and isinstance(part, int):
                here = here.value[part]
                continue
            pairs = here.value if isinstance(here, MappingNode) else ()
            found = next((pair for pair in pairs if _is_key(pair[0], part)), None)
            if found is None:
                raise LookupError(part)
            key, here = found
        return around, key, here

    def places(self, path: Path, of_the_key: bool) -> Iterator[Path]:
        """Every path at which the same text is read: more than one below an anchor that has aliases."""
        end = path[-1:] if of_the_key else ()
        try:
            node = self.at(path[: len(path) - len(end)])[2]
        except LookupError:  # a key that is to come
            node, end = self.at(path[:-1])[2], path[-1:]
        return ((*each, *end) for each in self._paths[id(node)])

    @cached_property
    def _paths(self) -> dict[int, list[Path]]:
        """Every path to each node."""
        found: dict[int, list[Path]] = {}
        todo: list[tuple[Path, Node]] = [((), self.root)]
        while todo:
            here, each = todo.pop()
            found.setdefault(id(each), []).append(here)
            if isinstance(each, MappingNode):
                todo += [((*here, key.value), value) for key, value in each.value]
            elif isinstance(each, SequenceNode):
                todo += [((*here, index), value) for index, value in enumerate(each.value)]
        return found

    def content(self, node: Node) -> tuple[int, int]:
        """The stretch of a node without its anchor and tag."""
        start, end = node.start_mark.index, node.end_mark.index
        properties = _PROPERTIES.match(self.text, start, end)
        return (properties.end() if properties else start), end

    def end(self, key: Node, value: Node) -> int:
        """Where a pair ends."""
        if value.start_mark.index < key.end_mark.index:  # an alias
            alias = _ALIAS.match(self.text, key.end_mark.index)
            if alias is None:
                raise LookupError("an alias in an odd place")
            return alias.end()
        if isinstance(value, ScalarNode) and value.start_mark.index == value.end_mark.index:
            colon = _COLON.match(self.text, key.end_mark.index)
            return colon.end() if colon else int(key.end_mark.index)
        return value.end_mark.index if isinstance(value, ScalarNode) or not is_block(value) else self.last(value)

    def last(self, node: Node) -> int:
        """Where what a block says ends: its mark is at the next token, behind comments and empty lines."""
        lines = self.text[node.start_mark.index : node.end_mark.index].split(self.newline)
        while len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
            lines.pop()
        return int(node.start_mark.index + len(self.newline.join(lines)))

    def line_start(self, index: int) -> int:
        """Where the line of a character begins."""
        at = self.text.rfind(self.newline, 0, index)
        return 0 if at < 0 else at + len(self.newline)

    def line_end(self, index: int) -> int:
        """Where the line of a character ends, before its break."""
        end = self.text.find(self.newline, index)
        return len(self.text) if end < 0 else end


def is_block(node: Node) -> bool:
    """Whether a collection is written in lines, without brackets."""
    return not getattr(node, "flow_style", False)


def style_of(node: Node) -> str | None:
    """How a scalar is written: its quote, `|` or `>`; None for a plain one."""
    style: str | None = getattr(node, "style", None)
    return style


def _is_key(node: Node, part: str | int) -> bool:
    return isinstance(node, ScalarNode) and part in (node.value, str(node.value).lower(), node.value or "null")
