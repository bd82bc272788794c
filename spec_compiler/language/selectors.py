"""The selector grammar: text -> Selector. What a selector matches in a graph is in `resolve.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple

from spec_compiler.diagnostics import (
    Diagnostic,
    Path,
    SpecError,
    collected,
    did_you_mean,
    quoted,
    show,
    under,
    write,
)
from spec_compiler.language import patterns
from spec_compiler.language.parsed import Parsed
from spec_compiler.language.patterns import Matches

KEYWORDS = ("base", "head", "new", "all")
Form = Literal["name", "range", "inside", "glob", "regex", "type", "slice", "keyword"]

# Quantifiers that give nothing back, so that a long text is read once.
_SLICE = re.compile(r"\[?+\s*+(-?+\d*+)\s*+:\s*+(-?+\d*+)\s*+\]?+")
_POSITION = re.compile(r"\[-?\d+\]")
_OF_LAYERS = re.compile(r"(?:\w+\.)*layers\s*(\[\s*+-?+\d*+\s*+:\s*+-?+\d*+\s*+\])")  # `model.layers[:15]`
_FAR = 10**9  # beyond every layer of any model
_GLOB = re.compile(r"[*?\[]")
_FORMS = "`name`, `a..b`, `block1_*`, `/regex/`, `type:Conv2D`, `[0:15]`, `base`, `head`, `new` or `all`"


_TEXT: dict[str, Any] = {
    "type": "string",
    "pattern": r"^(/.*/|\[?[0-9 -]*:[0-9 -]*\]?|(?!\s*\[-?[0-9]+\]\s*$)"
    r"(?!type:\s*$)(?!\s*\.\.\s*$)(?!.*\.\..*\.\.).*\S.*)$",
}
TERM_SCHEMA: dict[str, Any] = {
    "anyOf": [
        _TEXT,
        {"type": "object", "maxProperties": 1, "description": "`[-3:]` without quotes, which YAML reads as a mapping"},
    ]
}
_TERMS: list[dict[str, Any]] = [_TEXT, {"type": "array", "items": TERM_SCHEMA, "minItems": 1}]
TERMS_SCHEMA: dict[str, Any] = {"anyOf": _TERMS}
KEYS: dict[str, dict[str, Any]] = {
    "layers": {"description": "The layers to take.", "$ref": "#/definitions/terms"},
    "except": {"description": "Layers to leave out.", "$ref": "#/definitions/terms"},
    "where": {"description": "Only layers whose arguments have these values.", "type": "object", "minProperties": 1},
    "expect": {"description": "How many layers must match.", "type": "integer", "minimum": 0},
}


def mapping_schema(required: str, **more: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a selector's mapping form, with the key that it needs, and keys that may stand beside its own.

    >>> list(mapping_schema("layers")["properties"])
    ['layers', 'except', 'where', 'expect']
    """
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [required],
        "properties": {**KEYS, **more},
    }


SELECTOR_SCHEMA: dict[str, Any] = {
    "title": "Selector",
    "description": f"Which layers: {_FORMS}; a list of these is their union.",
    "anyOf": [*_TERMS, mapping_schema("layers")],
}


class Term(NamedTuple):
    """One element of a selector: its form, its parts, and where it stands below the selector's own path."""

    text: str
    form: Form
    parts: tuple[str, ...]
    path: Path = ()
    is_open: bool = False  # a range without its end, `a..<b`

    @property
    def whose(self) -> str:
        """The base or nested model whose layers or positions are meant; empty where the text names none."""
        return self.parts[-1] if self.form == "inside" or len(self.parts) > 2 else ""

    @property
    def positions(self) -> tuple[int | None, int | None]:
        """The ends of a range of positions; what is beyond all of them is cut down to a number."""
        start, stop = (
            max(-_FAR, min(_FAR, int(part[:20]))) if part not in ("", "-") else None for part in self.parts[:2]
        )
        return start, stop

    def matches(self) -> Matches:
        """Whether a name is as the pattern says, of an element that is one.

        Raises:
            SpecError: SC104.
        """
        return patterns.regex(self.parts[0]) if self.form == "regex" else patterns.glob(self.text)

    def chars(self, part: int) -> tuple[int, int] | None:
        """Where a part stands inside the element's text."""
        if self.form != "range":
            return None
        start = 0 if part == 0 else len(self.text) - len(self.parts[1])
        return start, start + len(self.parts[part])


@dataclass(frozen=True, slots=True)
class Selector(Parsed):
    """A union of terms, less what `excluded` matches, narrowed by `where`, its size pinned by `expect`."""

    definition: ClassVar[str] = "selector"
    definitions: ClassVar[Mapping[str, Any]] = {"selector": SELECTOR_SCHEMA, "terms": TERMS_SCHEMA}

    terms: tuple[Term, ...]
    excluded: Selector | None = None
    where: Mapping[str, Any] = field(default_factory=dict, hash=False)
    expect: int | None = None
    path: Path = ()

    @classmethod
    def _parsed(cls, raw: Any) -> Selector:
        """The selector that a YAML value says.

        Raises:
            SpecError: SC104, SC101, SC102 or SC103 with paths relative to the value.

        >>> Selector.parse("block1_conv1..block1_pool").terms[0].parts
        ('block1_conv1', 'block1_pool')
        """
        return _parse_mapping(raw) if isinstance(raw, Mapping) else cls(_parse_terms(raw, ()))

    @property
    def text(self) -> str:
        """The selector as a user would write it in one line."""
        text = ", ".join(term.text for term in self.terms)
        return f"{text} except {self.excluded.text}" if self.excluded else text


def _parse_mapping(raw: Mapping[Any, Any]) -> Selector:
    problems = []
    for key in map(str, (key for key in raw if key not in KEYS)):
        help = did_you_mean(key, KEYS, f"its keys are {quoted(KEYS)}")
        problems.append(Diagnostic("SC101", f"a selector has no key `{key}`", (key,), at_key=True, help=help))
    if "layers" not in raw:
        problems.append(Diagnostic("SC102", "a selector in this form needs `layers`", help="add `layers: …`"))
    expect, where = raw.get("expect"), raw.get("where", {})
    if "expect" in raw and (isinstance(expect, bool) or not isinstance(expect, int) or expect < 0):
        problems.append(Diagnostic("SC103", f"`expect` must be a count, got {show(expect)}", ("expect",)))
    is_empty = "where" in raw and not where
    if is_empty or not isinstance(where, Mapping) or not all(isinstance(key, str) for key in where):
        message, help = (
            f"`where` must map arguments to values, got {show(where)}",
            "for example `where: {activation: relu}`",
        )
        problems.append(Diagnostic("SC103", message, ("where",), help=help))
    terms: tuple[Term, ...] = ()
    excluded: Selector | None = None
    with collected(problems):
        terms = _parse_terms(raw["layers"], ("layers",)) if "layers" in raw else ()
    with collected(problems):
        excluded = Selector(_parse_terms(raw["except"], ("except",)), path=("except",)) if "except" in raw else None
    if problems:
        raise SpecError(problems)
    return Selector(terms, excluded, dict(where), expect, ("layers",))


def _parse_terms(raw: Any, path: Path) -> tuple[Term, ...]:
    if not isinstance(raw, list | tuple):
        return (_parse_term(raw, path),)
    if not raw:
        message = "a selector without an element selects nothing"
        raise SpecError.single("SC104", message, path=path, help=f"write {_FORMS}")
    terms: list[Term] = []
    problems: list[Diagnostic] = []
    for index, element in enumerate(raw):
        with collected(problems):
            terms.append(_parse_term(element, (*path, index)))
    if problems:
        raise SpecError(problems)
    return tuple(terms)


def _parse_term(raw: Any, path: Path) -> Term:
    if isinstance(raw, Mapping) and len(raw) == 1:  # YAML reads the unquoted `[-3:]` as `[{-3: null}]`
        ((key, value),) = raw.items()
        if value is None and isinstance(key, int) and not isinstance(key, bool):
            return Term(f"[{key}:]", "slice", (str(key), ""), path)
    if not isinstance(raw, str) or not raw.strip():
        help = f"write {_FORMS}"
        if isinstance(raw, int) and not isinstance(raw, bool):
            help = f"write `'{_one_position(raw)}'` for a position, or the layer's name"
        elif isinstance(raw, bool):
            help = "write `all`, or `base`" if raw else "leave it out"
        raise SpecError.single("SC104", f"a selector is text, got {show(raw)}", path=path, help=help)
    text = raw.strip()
    if ends := _SLICE.fullmatch(text):
        return Term(text, "slice", (ends[1], ends[2]), path)
    whose, _, positions = text.rpartition("[")
    is_python = _OF_LAYERS.fullmatch(text) is not None
    if whose and not is_python and not _GLOB.search(whose) and (ends := _SLICE.fullmatch(f"[{positions}")):
        return Term(text, "slice", (ends[1], ends[2], whose.strip()), path)
    if _POSITION.fullmatch(text):
        message = f"`{text}` is one position, a selector takes a range of them"
        position = _one_position(int(text[1:-1][:20]))
        raise SpecError.single("SC104", message, path=path, help=write(position, f"write `'{position}'`"))
    if len(text) > 1 and text.startswith("/") and text.endswith("/"):
        return _pattern(text, "regex", path)
    if text.startswith("type:"):
        name = text.removeprefix("type:").strip()
        if not name:
            raise SpecError.single("SC104", "`type:` needs a class", path=path, help="for example `type:Conv2D`")
        return Term(text, "type", (name,), path)
    if text in KEYWORDS:
        return Term(text, "keyword", (text,), path)
    if text.endswith("/..") and ".." not in text[:-3] and text[:-3]:
        return Term(text, "inside", (text[:-3],), path)
    if ".." in text:
        names = text.split("..")
        is_open = len(names) == 2 and names[1].startswith("<")
        if is_open:
            names[1] = names[1].removeprefix("<")
        if len(names) != 2 or names == ["", ""] or (is_open and not names[1].strip()):
            message = f"`{text}` is not a range"
            raise SpecError.single("SC104", message, path=path, help=as_a_list(text) or "write `a..b`, `..b` or `a..`")
        return Term(text, "range", (names[0].strip(), names[1].strip()), path, is_open)
    if _GLOB.search(text):
        return _pattern(text, "glob", path)
    return Term(text, "name", (text,), path)


def _pattern(text: str, form: Literal["glob", "regex"], path: Path) -> Term:
    term = Term(text, form, (text if form == "glob" else text[1:-1],), path)
    with under(*path):
        term.matches()
    return term


def as_a_list(text: str) -> str | None:
    """How to write several elements that stand in one text, or positions as Python has them."""
    if python := _OF_LAYERS.fullmatch(text.strip()):
        return write(python[1], f"write `'{python[1]}'`")
    parts = [part.strip() for part in text.split(",")]
    if len(parts) < 2 or not all(parts):
        return None
    return write(parts, f"several stand in a list: `[{', '.join(_quoted(part) for part in parts)}]`")


def _quoted(term: str) -> str:
    """An element as it stands inside of a list, where brackets and colons mean something."""
    return f"'{term}'" if term[:1] in "[*" or ":" in term else term


def _one_position(number: int) -> str:
    """The range that holds one position."""
    return "[-1:]" if number == -1 else f"[{number}:{number + 1}]"
