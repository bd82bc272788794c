"""YAML text -> events, by ruamel.yaml: all of YAML 1.2, and what it says of a text that is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import ScalarNode

from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.text.events import Event, Kind, Mark
from spec_compiler.text.yaml_errors import first_line, yaml_error

_KINDS: dict[type, Kind] = {
    DocumentStartEvent: "document",
    MappingStartEvent: "mapping",
    SequenceStartEvent: "sequence",
    MappingEndEvent: "end",
    SequenceEndEvent: "end",
    ScalarEvent: "scalar",
    AliasEvent: "alias",
}


def parsed_events(text: str, file: str | None) -> Iterator[Event]:
    """The events of a text, one by one: what is wrong with what comes later is told later.

    Raises:
        SpecError: SC001 where it is no YAML.
    """
    try:
        for event in _yaml().parse(text):
            if type(event) in _KINDS:
                yield _event(event)
    except MarkedYAMLError as error:
        raise yaml_error(error, text, file) from None
    except YAMLError as error:
        raise SpecError([Diagnostic("SC001", first_line(str(error)), file=file)]) from None


def tag_of(text: str) -> str:
    """The tag of a plain scalar: `tag:yaml.org,2002:int`."""
    return str(_PLAIN.resolver.resolve(ScalarNode, text, (True, False)))


def constructed(tag: str, text: str) -> Any:
    """The value of a scalar with a tag.

    Raises:
        ValueError: Python cannot make it.
    """
    return _PLAIN.constructor.construct_object(ScalarNode(tag, text), deep=True)


def _event(event: Any) -> Event:
    implicit = getattr(event, "implicit", None)
    is_plain = implicit[0] if isinstance(implicit, tuple) else bool(implicit)
    tag = getattr(event, "tag", None)
    return Event(
        _KINDS[type(event)],
        _mark(event.start_mark),
        _mark(event.end_mark),
        value=getattr(event, "value", ""),
        style=getattr(event, "style", None),
        is_text=isinstance(event, ScalarEvent) and not is_plain,
        in_brackets=bool(getattr(event, "flow_style", False)),
        anchor=getattr(event, "anchor", None),
        tag=str(tag) if tag is not None else None,
    )


def _mark(mark: Any) -> Mark:
    return Mark(mark.index, mark.line, mark.column)


def _yaml() -> YAML:
    return YAML(typ="safe", pure=True)  # YAML 1.2, in which `no` and `on` are texts; libyaml reads 1.1


_PLAIN = _yaml()  # reads no text, so that no directive of one changes what scalars mean
