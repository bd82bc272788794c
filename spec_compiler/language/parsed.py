"""Types of the language that read their YAML themselves: shorthand forms that pydantic has no words for."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Parsed(abc.ABC):
    """A value that `parse` makes, wherever a pydantic model has a field of this type.

    `definition` is its name among the definitions of the spec's JSON Schema, `definitions` has it with those that it
    refers to; nothing where the catalogue says what it may be.
    """

    __slots__ = ()
    definition: ClassVar[str]
    definitions: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def parse(cls, raw: Any) -> Self:
        """The value that YAML data says; a value of the type itself stays: pydantic asks for it again where it is one.

        Raises:
            SpecError: with paths relative to the data.
        """
        return raw if isinstance(raw, cls) else cls._parsed(raw)

    @classmethod
    @abc.abstractmethod
    def _parsed(cls, raw: Any) -> Self:
        """The value that YAML data says."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls.parse)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"x-definition": cls.definition}


def as_list(raw: Any) -> Any:
    """A list as it is, one thing as a list of it; nothing stays nothing."""
    return raw if raw is None or isinstance(raw, list | tuple) else [raw]


class OneOrMore:
    """Marks a list that one thing may stand for without the list: `head: Flatten` is `head: [Flatten]`.

    Paths have the index of the list all the same; `Source` knows that the text has none.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(as_list, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        several = handler(schema)
        return {"anyOf": [several, several["items"]]}
