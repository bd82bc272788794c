"""Whether a value fits a fragment of JSON Schema, in the words that the catalogue's fragments use, as Draft 7 has them.

64.0 is no integer here, as Keras sees it, and tuples and NumPy's numbers are what they look like. The package
jsonschema would do as well, but loads for longer than a whole check takes, and stands on a compiled one.
"""

from __future__ import annotations

import numbers
import re
from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]
Definitions = Mapping[str, Schema]

NOTES = frozenset(("title", "description", "default"))


def fits(value: Any, schema: Schema, definitions: Definitions) -> bool:
    """Whether the value is one that the schema takes.

    Raises:
        KeyError: the schema has a word that is not among these.

    >>> [fits(value, {"type": "integer", "minimum": 1}, {}) for value in (4, 0, 4.0, True, "4")]
    [True, False, False, False, False]
    """
    if "$ref" in schema:  # whatever stands beside it does not count in Draft 7
        return fits(value, definitions[schema["$ref"].removeprefix("#/definitions/")], definitions)
    return all(WORDS[word](value, said, definitions) for word, said in schema.items() if word not in NOTES)


def _is_a(value: Any, said: Any, _: Definitions) -> bool:
    return any(_TYPES[each](value) for each in ([said] if isinstance(said, str) else said))


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, numbers.Integral) and not isinstance(value, bool),
    "number": _is_number,
    "string": lambda value: isinstance(value, str),
    "array": _is_list,
    "object": lambda value: isinstance(value, Mapping),
}


def _is_one_of(value: Any, said: Any, _: Definitions) -> bool:
    return any(_equal(value, each) for each in said)


def _equal(one: Any, other: Any) -> bool:
    return bool(isinstance(one, bool) == isinstance(other, bool) and one == other)  # `True` is 1 in Python


# A word about a type lets values of all others pass.
WORDS: Mapping[str, Callable[[Any, Any, Definitions], bool]] = {
    "type": _is_a,
    "enum": _is_one_of,
    "anyOf": lambda value, said, known: any(fits(value, each, known) for each in said),
    "not": lambda value, said, known: not fits(value, said, known),
    "minimum": lambda value, said, _: not _is_number(value) or bool(value >= said),
    "maximum": lambda value, said, _: not _is_number(value) or bool(value <= said),
    "exclusiveMinimum": lambda value, said, _: not _is_number(value) or bool(value > said),
    "exclusiveMaximum": lambda value, said, _: not _is_number(value) or bool(value < said),
    "pattern": lambda value, said, _: not isinstance(value, str) or re.search(said, value) is not None,
    "required": lambda value, said, _: not isinstance(value, Mapping) or all(each in value for each in said),
    "minItems": lambda value, said, _: not _is_list(value) or len(value) >= said,
    "maxItems": lambda value, said, _: not _is_list(value) or len(value) <= said,
    "items": lambda value, said, known: not _is_list(value) or all(fits(each, said, known) for each in value),
}
