"""Whether a value fits a fragment of JSON Schema, said in plain words: what was wanted, what came, how to mend it.

`schema_fits` decides, this module finds the words.
"""

from __future__ import annotations

import json
import numbers
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Path, did_you_mean, dotted, write
from spec_compiler.keras_facts import python_text
from spec_compiler.keras_facts.schema_fits import Definitions, Schema, fits
from spec_compiler.keras_facts.sizes import absurd_sizes, counts

_MISSING: Any = object()
_NOUNS = {
    "#/definitions/activation": "the name of an activation",
    "#/definitions/dtype": "the name of a dtype",
    "#/definitions/function": "`module:function`",
    "#/definitions/layer": "a layer",
}
_WORDS = {
    "null": "`null`",
    "boolean": "`true` or `false`",
    "string": "a text",
    "object": "a mapping",
    None: "a Python object (YAML cannot hold one)",
}
_READ_AS = {
    "none": None,
    "null": None,
    "true": True,
    "yes": True,
    "on": True,
    "false": False,
    "no": False,
    "off": False,
}


def check_value(path: Path, value: Any, schema: Schema, definitions: Definitions) -> Iterator[Diagnostic]:
    """An SC107 for every part of the value that the schema refuses, at the smallest part that is at fault.

    >>> integers = {"type": "array", "items": {"type": "integer"}}
    >>> [each.message for each in check_value(("strides",), [2, "2"], integers, {})]
    ["`strides[1]` must be an integer, got the text `'2'`"]
    """
    if not is_data(value):
        return  # an object that only a spec written in Python can hold, and only Keras can judge
    for inner, part, wanted in _faults(value, schema, definitions):
        place = (*path, *inner)
        message = f"`{dotted(place)}` must be {_expected(wanted, definitions, entry=bool(inner))}, got {received(part)}"
        yield Diagnostic("SC107", message, place, help=_mending(part, wanted, definitions, place[-1]))
    if any(map(counts, _branches(schema, definitions))):
        yield from absurd_sizes(path, value)


def received(value: Any) -> str:
    """A value as a message names it.

    >>> received("64"), received(0.5), received(None)
    ("the text `'64'`", '`0.5`', 'nothing (`null`)')
    """
    shown = f"'{value}'" if isinstance(value, str) else flow(value)
    brief = len(shown) <= 60 and shown.isprintable()
    match value:
        case None:
            return "nothing (`null`)"
        case str():
            return f"the text `{shown}`" if brief else f"a text of {len(value)} characters"
        case Mapping():
            return f"the mapping `{shown}`" if brief else f"a mapping with {len(value)} keys"
        case list() | tuple():
            return f"the list `{shown}`" if brief else f"a list of {len(value)} entries"
    return f"`{shown}`" if brief else "a huge number"


def flow(value: Any) -> str:
    """A value in YAML's flow style, on one line, text in quotes where it is more than a word.

    >>> flow({"strides": (2, 2), "padding": "same", "name": "4"})
    "{strides: [2, 2], padding: same, name: '4'}"
    """
    match value:
        case str():
            is_word = value.replace("-", "_").isidentifier() and value.casefold() not in _READ_AS
            return value if is_word else "'" + value.replace("'", "''") + "'"
        case None | bool():
            return json.dumps(value)
        case Mapping():
            return "{" + ", ".join(f"{key}: {flow(each)}" for key, each in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(flow(each) for each in value) + "]"
        case int() if value.bit_length() > 10_000:  # Python writes no more than 4,300 digits
            return "a huge number"
    return str(value)


def is_data(value: Any) -> bool:
    """Whether YAML could hold the value, as opposed to a function or an object of Keras."""
    return value is None or isinstance(value, str | bool | numbers.Real | list | tuple | Mapping)


def _faults(value: Any, schema: Schema, definitions: Definitions) -> Iterator[tuple[Path, Any, Schema]]:
    """The smallest parts of the value that are refused, each with what was wanted there."""
    branches = _branches(schema, definitions)
    if any(fits(value, branch, definitions) for branch in branches):
        return
    if isinstance(value, list | tuple):
        for branch in branches:
            long_enough = branch.get("minItems", 0) <= len(value) <= branch.get("maxItems", len(value))
            if branch.get("type") == "array" and long_enough:  # so some entry is at fault
                for index, each in enumerate(value):
                    for path, part, wanted in _faults(each, branch["items"], definitions):
                        yield (index, *path), part, wanted
                return
    yield (), value, schema


def _branches(schema: Schema, definitions: Definitions) -> list[Schema]:
    """The alternatives of a schema, none with alternatives of its own."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].removeprefix("#/definitions/")]
    return [leaf for each in schema.get("anyOf", ()) for leaf in _branches(each, definitions)] or [schema]


def _expected(schema: Schema, definitions: Definitions, entry: bool = False) -> str:
    """What a schema takes, in words: `a positive integer or a list of 2 positive integers`."""
    words: list[str] = []
    for branch in schema.get("anyOf", [schema]):
        if branch.get("$ref") in _NOUNS:
            words.append(_NOUNS[branch["$ref"]])
        else:
            words += [word for leaf in _branches(branch, definitions) for word in _words(leaf, definitions)]
    if any("enum" in branch for branch in _branches(schema, definitions)):
        words = [word for word in words if word != _WORDS["string"]]  # other spellings of the names
    elif not entry:  # null is true of every optional argument, and hardly what the user wants
        words = [word for word in words if word != _WORDS["null"]] or words
    if len(words) > 1:  # a mapping is the serialized form of the rest
        words = [word for word in words if word != _WORDS["object"]]
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def _words(schema: Schema, definitions: Definitions) -> list[str]:
    """The alternatives in a schema that has no `anyOf`."""
    if "enum" in schema:
        return [f"`{flow(each)}`" for each in schema["enum"]]
    kind = schema.get("type")
    if isinstance(kind, list):
        return [word for each in kind for word in _words({"type": each}, definitions)]
    if kind in ("integer", "number"):
        return [" ".join(_number(schema))]
    if kind == "array":
        return [_list(schema, definitions)]
    if schema.get("pattern") == "^[^/]*$":
        return ["a text without `/`"]
    return [_WORDS[kind]]


def _list(schema: Schema, definitions: Definitions) -> str:
    length = f"{schema['minItems']} " if "minItems" in schema else ""
    items = schema.get("items", {})
    match items.get("type") or items.get("$ref"):
        case None if not items:
            return "a list"
        case "#/definitions/layer":
            return f"a list of {length}layers"
        case ["number", "array"]:
            return "a list of numbers"
        case "integer" | "number":
            return f"a list of {length}{_number(items, plural='' if length == '1 ' else 's')[1]}"
    return f"a list of {length}entries, each {_expected(items, definitions, entry=True)}"


def _number(schema: Schema, plural: str = "") -> tuple[str, str]:
    """The article and the noun."""
    noun, article = ("integer", "an") if schema["type"] == "integer" else ("number", "a")
    noun += plural
    match schema:
        case {"minimum": low, "maximum": high}:
            return article, f"{noun} from {low} to {high}"
        case {"minimum": low, "exclusiveMaximum": high}:
            return article, f"{noun} from {low} to below {high}"
        case {"minimum": 1} | {"exclusiveMinimum": 0}:
            return "a", f"positive {noun}"
        case {"minimum": low}:
            return article, f"{noun} of {low} or more"
    return article, noun


def _mending(value: Any, schema: Schema, definitions: Definitions, key: str | int) -> str | None:
    """How to write what was surely meant, if that is plain to see."""
    branches = _branches(schema, definitions)
    if isinstance(value, str):
        names = [each for branch in branches for each in branch.get("enum", ()) if isinstance(each, str)]
        if (meant := did_you_mean(value, names)) is not None:
            return meant
    for candidate in _candidates(value):
        if candidate is not _MISSING and any(fits(candidate, branch, definitions) for branch in branches):
            written = flow(candidate) if isinstance(key, int) else f"{key}: {flow(candidate)}"
            quoted = isinstance(value, str) and _parsed(value, json.loads) is not _MISSING
            return write(candidate, f"remove the quotes: `{written}`" if quoted else f"write `{written}`")
    share = any(branch.get("minimum") == 0 and branch.get("maximum") == 1 for branch in branches)
    if share and isinstance(value, int) and 10 <= value <= 100:  # a percentage
        return write(value / 100, f"write `{key}: {value / 100}`")
    return None


def _candidates(value: Any) -> Iterator[Any]:
    """What a user may have meant by a value of the wrong type."""
    match value:
        case str():
            parsed = _parsed(value, json.loads)
            yield _parsed(value, python_text.parsed) if parsed is _MISSING else parsed
            yield _READ_AS.get(value.casefold(), _MISSING)
            numerator, slash, denominator = value.partition("/")
            if slash and isinstance(over := _parsed(denominator, float), float) and over:
                yield _parsed(numerator, lambda text: float(text) / over)  # `1/255`, which YAML does not work out
            yield ":".join(value.rsplit(".", 1))  # a function, as Python writes it
            yield [value]
        case bool():
            yield flow(value)
        case int() | float():
            if isinstance(value, float) and value.is_integer():
                yield int(value)
            yield [value]
            yield flow(value)
            yield bool(value) if value in (0, 1) else _MISSING
        case [only]:
            yield only
        case Mapping():
            yield [value]


def _parsed(text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text.strip())
    except (ValueError, RecursionError):
        return _MISSING
