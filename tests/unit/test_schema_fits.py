"""The catalogue's fragments of JSON Schema, judged by us and by jsonschema: the same values fit."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from jsonschema import Draft7Validator, validators

from spec_compiler.keras_facts.catalogue import CLASS_KINDS, catalogue, group_of
from spec_compiler.keras_facts.schema_fits import NOTES, WORDS, fits

VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 1000, 0.0, 0.5, 1.0, 1.5, -0.25, 64.0, 1e-7,
    "", "relu", "same", "SAME", "valid",
    "64", "channels_last", "float32", "mean", "a/b", "my_code:wave", "he_normal", "l2", "x" * 50,
    [], [1], [1, 2], [1, 2, 3],
    [0.5, 0.1], ["a"], [[1, 2], [3, 4]], [[1, 2], 3], [None, 1], (2, 2), {}, {"a": 1},
    {"L2": 0.01}, {"class_name": "L2"},
    [True], ["accuracy", {"AUC": {}}], [-1, -2], [1.0, 2], 255, 256,
]  # fmt: skip


def of(*types: type) -> Callable[[Any, Any], bool]:
    return lambda _, value: isinstance(value, types) and not isinstance(value, bool)


TYPES = Draft7Validator.TYPE_CHECKER.redefine_many(
    {"integer": of(numbers.Integral), "number": of(numbers.Real), "array": of(list, tuple), "object": of(Mapping)}
)
Judge: Any = validators.extend(Draft7Validator, type_checker=TYPES)  # type: ignore[no-untyped-call]


def fragments() -> Iterator[Mapping[str, Any]]:
    records = [each for kind in CLASS_KINDS for each in catalogue()[group_of(kind)].values()]
    for record in (*records, *catalogue()["applications"].values()):
        for argument in record.get("arguments", {}).values():
            yield argument["schema"]
    yield from catalogue()["definitions"].values()


def test_the_same_values_fit() -> None:
    definitions = catalogue()["definitions"]
    seen = {repr(each): each for each in fragments()}
    assert len(seen) > 100
    yes = 0
    for schema in seen.values():
        judge = Judge({**schema, "definitions": definitions})
        for value in VALUES:
            expected = judge.is_valid(value)
            assert fits(value, schema, definitions) == expected, (schema, value)
            yes += expected
    assert len(seen) < yes < len(seen) * len(VALUES) / 2


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"not": {"enum": ["a"]}}, "a"),
        ({"type": ["number", "array"], "maximum": 3}, 4),
        ({"exclusiveMinimum": 0}, 0),
        ({"exclusiveMaximum": 1}, 1),
        ({"exclusiveMaximum": 1}, "one"),
        ({"enum": [1]}, True),
        ({"enum": [1]}, 1.0),
        ({"pattern": "b$"}, "abc"),
        ({"items": {"type": "integer"}, "minItems": 2}, [1]),
        ({"items": {"type": "integer"}, "maxItems": 2}, [1, 2, "3"]),
        ({"$ref": "#/definitions/small", "type": "string"}, 2),
    ],
)
def test_each_word(schema: Mapping[str, Any], value: Any) -> None:
    definitions = {"small": {"type": "integer", "maximum": 2}}
    assert fits(value, schema, definitions) == Judge({**schema, "definitions": definitions}).is_valid(value)


def test_a_word_that_is_not_known_is_no_yes() -> None:
    assert not NOTES & WORDS.keys()
    with pytest.raises(KeyError):
        fits(1, {"multipleOf": 2}, {})
