"""YAML events -> `Source`: the fold that gives every key and value its place.

ruamel's own composer recurses and lets duplicate keys and alias bombs through, so the event stream is folded here:
iteratively, with limits, and with marks for every node.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isnan
from typing import Any

from spec_compiler.diagnostics import Advice, Diagnostic, Path, SpecError
from spec_compiler.diagnostics.advice import Rewrite
from spec_compiler.diagnostics.text_lines import lines_of
from spec_compiler.keras_facts.python_text import whole
from spec_compiler.keras_facts.translation import as_yaml
from spec_compiler.text.events import Event, Mark
from spec_compiler.text.source import Source, Span, key_text, walked
from spec_compiler.text.usual_yaml import UNUSUAL, usual_value
from spec_compiler.text.yaml_errors import MAX_DEPTH, MAX_NODES

_SCALAR_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null")}


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been seen: a list, or a dict waiting for a key or for a value."""

    value: dict[Any, Any] | list[Any]
    path: Path
    start: Mark
    anchor: str | None = None
    flow: bool = False  # in braces or brackets
    key: Any = None
    has_key: bool = False

    @property
    def wants_key(self) -> bool:
        """Whether what comes next is a key."""
        return isinstance(self.value, dict) and not self.has_key


class Folder:
    """Folds the events of one YAML text into a `Source`: `take` each, then `finish`."""

    def __init__(self, text: str, file: str | None) -> None:
        self.source = Source(None, text, file)
        self.stack: list[_Open] = []
        self.problems: list[Diagnostic] = []
        self.anchors: dict[str, Any] = {}
        self.documents = 0
        self.nodes = 0
        self.cut_calls = 0
        self.root: Any = None

    def take(self, event: Event) -> None:
        """The next event.

        Raises:
            SpecError: SC001, SC005, SC006 or SC103 at the event, SC002 for keys before it.
        """
        match event.kind:
            case "scalar":
                self._scalar(event)
            case "mapping" | "sequence":
                self._open(event)
            case "end":
                done = self.stack.pop()
                self.source.values[done.path] = _span(done.start, event.end, self.source)
                if done.anchor:
                    self.anchors[done.anchor] = done.value
            case "alias":
                self._alias(event)
            case "document":
                self.documents += 1
                if self.documents > 1:
                    message = "a spec is one YAML document, this file has several"
                    raise self._fail("SC006", message, event, "split the file at `---`")

    def _open(self, event: Event) -> None:
        self._refuse_tag(event)
        if len(self.stack) >= MAX_DEPTH:
            raise self._fail("SC005", f"nested deeper than {MAX_DEPTH} levels", event)
        value: dict[Any, Any] | list[Any] = {} if event.kind == "mapping" else []
        if self.stack and self.stack[-1].wants_key:
            raise self._fail("SC006", "a key must be text, not a list or a mapping", event, self._brace_help(event))
        path = self._place(value, event)
        self.stack.append(_Open(value, path, event.start, event.anchor, event.in_brackets))

    def _scalar(self, event: Event) -> None:
        self._refuse_tag(event)
        self._refuse_python(event)
        value = self._plain_value(event)
        if self.stack and self.stack[-1].wants_key:
            self._key(self.stack[-1], value, event)
            return
        path = self._place(value, event)
        span = _span(event.start, event.end, self.source, scalar=event)
        if event.start.offset == event.end.offset and path in self.source.keys:
            span = self.source.keys[path]  # nothing behind the colon: YAML places it where the next thing begins
        self.source.values[path] = span
        if event.anchor:
            self.anchors[event.anchor] = value

    def _key(self, top: _Open, key: Any, event: Event) -> None:
        assert isinstance(top.value, dict)
        span = _span(event.start, event.end, self.source)
        path = (*top.path, key_text(key))
        if key is None:
            raise self._fail("SC006", "a key must be text, here is none", event, "write the key before the colon")
        if key == "<<" and event.style is None:
            raise self._fail("SC006", "merge keys (`<<`) are not part of YAML 1.2", event, "write the keys out")
        if key in top.value and type(key) in set(map(type, top.value)):  # `1` and `true` are one key to Python only
            notes = (f"the first one is on line {self.source.keys[path].line + 1}",)
            help = "keep one of the two, or join their values"
            twice = Diagnostic("SC002", f"the key `{key}` appears twice in one mapping", path, notes=notes, help=help)
            self.problems.append(self.source.locate_span(replace(twice, at_key=True), span))
            key = f"{key} (again)"  # the rest of the text is read, so that its mistakes are told as well
            path = (*top.path, key)
        self.source.keys[path] = span
        top.key, top.has_key = key, True

    def _alias(self, event: Event) -> None:
        if event.anchor not in self.anchors:
            help = f"a value that begins with `*` must stand in quotes: '*{event.anchor}'"
            raise self._fail("SC001", f"no anchor `&{event.anchor}` in this file", event, help)
        if self.stack and self.stack[-1].wants_key:
            raise self._fail("SC006", "an alias cannot be a key", event)
        value = self.anchors[event.anchor]
        path = self._place(value, event)
        span = _span(event.start, event.end, self.source)
        for below, _ in walked(value):  # each place below the alias is shown at the alias
            self.nodes += 1
            if self.nodes > MAX_NODES:
                raise self._fail("SC005", f"aliases expand to more than {MAX_NODES:,} values", event)
            self.source.values[path + below] = span

    def _place(self, value: Any, event: Event) -> Path:
        """Puts a value where the open collection wants one, and returns its path."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self._fail("SC005", f"more than {MAX_NODES:,} values", event)
        if not self.stack:
            self.root = value
            return ()
        top = self.stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
            return (*top.path, len(top.value) - 1)
        top.value[top.key] = value
        top.has_key = False
        return (*top.path, key_text(top.key))

    def _plain_value(self, event: Event) -> Any:
        value = event.value if event.is_text else usual_value(event.value)
        return self._unusual_value(event) if value is UNUSUAL else value

    def _unusual_value(self, event: Event) -> Any:
        from spec_compiler.text.yaml_parser import constructed, tag_of  # as long to load as a check takes

        tag = tag_of(event.value)
        if tag not in _SCALAR_TAGS:
            return event.value  # timestamps and the like mean nothing to a spec
        if tag.endswith((":int", ":float")) and len(event.value) > 400:  # Python's `int` takes quadratic time
            raise self._fail("SC103", "a number of more than 400 digits", event)
        value = constructed(tag, event.value)
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            message = "this number does not fit into 64 bits"
            raise self._fail("SC103", message, event, "put it in quotes if it is a text")
        if isinstance(value, float) and isnan(value):
            raise self._fail("SC103", "`.nan` is no number that a model could take", event)
        return value

    def _refuse_tag(self, event: Event) -> None:
        if event.tag is not None and event.tag not in _SCALAR_TAGS:
            text = self.source.text[event.start.offset :].split(None, 1)[0]
            message = f"the YAML tag `{text[:60]}` has no meaning in a spec"
            raise self._fail("SC006", message, event, "remove the tag, or quote the text")

    def _refuse_python(self, event: Event) -> None:
        """A tuple or a call in braces or brackets, where YAML ends a text at its first comma."""
        cut = event.value.count("(") > event.value.count(")")
        if event.style or not cut or not self.stack or not self.stack[-1].flow or self.cut_calls > 20:
            return
        self.cut_calls += 1  # each is looked for far ahead
        text = whole(self.source.text, event.start.offset)
        if text is None or (written := as_yaml(text)) is None:
            return
        message = "this is Python, of which YAML makes a value at each comma"
        problem = Diagnostic("SC103", message, help=Advice(f"write `{written}`", Rewrite(written)))
        line, column = event.start.line, event.start.column
        span = Span(line, column, line + len(lines_of(text)) - 1, column + len(text))
        raise SpecError([*self.problems, self.source.locate_span(problem, span)])

    def _brace_help(self, event: Event) -> str | None:
        if self.source.text[event.start.offset : event.start.offset + 2] in ("{{", "${"):
            return "quote a value that begins with a brace"
        return None

    def _fail(self, code: str, message: str, event: Event, help: str | None = None) -> SpecError:
        span = _span(event.start, event.end, self.source)
        return SpecError([*self.problems, self.source.locate_span(Diagnostic(code, message, help=help), span)])

    def finish(self) -> Source:
        """The source, after the last event.

        Raises:
            SpecError: SC002 for every key that stands twice, SC003 where there was nothing.
        """
        if self.problems:
            raise SpecError(self.problems)
        if self.root is None:
            help = "a spec begins with `spec: 1`"
            raise SpecError(
                [Diagnostic("SC003", "the spec is empty", file=self.source.file, line=1, column=1, help=help)]
            )
        return replace(self.source, data=self.root)


def _span(start: Mark, end: Mark, source: Source, scalar: Event | None = None) -> Span:
    line, column, end_line, end_column = start.line, start.column, end.line, end.column
    if scalar is None and end_line > line and end_column == 0:  # a block collection ends at the next token
        lines = source.lines
        end_line -= 1
        while end_line > line and not lines[min(end_line, len(lines) - 1)].strip():
            end_line -= 1
        end_column = len(lines[min(end_line, len(lines) - 1)].rstrip())
    text, plain = source.text, False
    if scalar is not None and line == end_line:
        if scalar.style in ("'", '"') and text[start.offset + 1 : end.offset - 1] == scalar.value:
            column, end_column, plain = column + 1, end_column - 1, True
        else:
            plain = text[start.offset : end.offset] == scalar.value
    return Span(line, column, end_line, end_column, plain)
