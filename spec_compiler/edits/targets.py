"""Where an insertion goes: one layer, or with `each:` every layer that a selector finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from spec_compiler.diagnostics import Path, SpecError, did_you_mean, near, show, under
from spec_compiler.graph import Graph
from spec_compiler.graph.resolve import resolve, resolve_one
from spec_compiler.language.parsed import Parsed
from spec_compiler.language.selectors import KEYS, Selector

_SELECTOR = {"$ref": "#/definitions/selector"}


def _or_each(form: dict[str, Any], description: str) -> dict[str, Any]:
    """The schema of a form, or of `{each: FORM}`."""
    each = {"type": "object", "additionalProperties": False, "required": ["each"], "properties": {"each": form}}
    return {"description": description, "anyOf": [form, each]}


@dataclass(frozen=True, slots=True)
class Target(Parsed):
    """A selector that must match one call of a layer, or with `each` any number of them."""

    definition: ClassVar[str] = "target"
    definitions: ClassVar[Mapping[str, Any]] = {
        "target": _or_each(_SELECTOR, "One layer, or `{each: SELECTOR}` for every layer that the selector finds.")
    }

    selector: Selector
    each: bool = False

    @classmethod
    def _parsed(cls, raw: Any) -> Target:
        """The target that a YAML value says.

        Raises:
            SpecError: as `Selector.parse`.
        """
        each = _says_each(raw)
        with under(*(("each",) if each else ())):
            return cls(Selector.parse(raw["each"] if each else raw), each)

    def resolve(self, graph: Graph, field: str) -> tuple[str, ...]:
        """The nodes that are meant; `field` names the key in messages.

        Raises:
            SpecError: as `resolve` and `resolve_one`, paths relative to the field's value.
        """
        if not self.each:
            return (resolve_one(self.selector, graph, f"`{field}`"),)
        with under("each"):
            return resolve(self.selector, graph)

    @property
    def path(self) -> Path:
        """Where the selector stands below the field."""
        return ("each",) if self.each else ()


@dataclass(frozen=True, slots=True)
class Edge(Parsed):
    """Two targets, the edges between whose matches are meant."""

    definition: ClassVar[str] = "edge"
    definitions: ClassVar[Mapping[str, Any]] = {
        "edge": _or_each(
            {"type": "array", "items": _SELECTOR, "minItems": 2, "maxItems": 2},
            "The edge from one layer to another, or `{each: [A, B]}` for every edge between their matches.",
        )
    }

    start: Target
    end: Target

    @classmethod
    def _parsed(cls, raw: Any) -> Edge:
        """The edge that `[a, b]` or `{each: [A, B]}` says.

        Raises:
            SpecError: SC103, and as `Selector.parse`.
        """
        each = _says_each(raw)
        ends = raw["each"] if each else raw
        if not isinstance(ends, list | tuple) or len(ends) != 2:
            message = f"`between` takes two layers, got {show(raw)}"
            raise SpecError.single("SC103", message, help="write `between: [block1_pool, block2_conv1]`")
        targets = []
        for index, end in enumerate(ends):
            with under(*(("each",) if each else ()), index):
                targets.append(Target(Selector.parse(end), each))
        return cls(*targets)


def _says_each(raw: Any) -> bool:
    """Whether a YAML value is `{each: …}`; a mapping with more keys is a selector's own.

    Raises:
        SpecError: SC101 its only key is nearly `each`.
    """
    if not isinstance(raw, Mapping) or len(raw) != 1:
        return False
    [key] = map(str, raw)
    if key not in (*KEYS, "each") and near(key, (*KEYS, "each")) == ["each"]:
        message = f"there is no key `{key}` here"
        raise SpecError.single("SC101", message, path=(key,), at_key=True, help=did_you_mean(key, ("each",)))
    return key == "each"
