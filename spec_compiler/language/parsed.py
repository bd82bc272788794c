"""Types of the language that read their YAML themselves: shorthand forms that pydantic has no words for."""

from __future__ import annotations

import abc
from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Parsed(abc.ABC):
    """A value that `parse` makes, wherever a pydantic model has a field of this type.

    `definition` is its name among the definitions of the spec's JSON Schema.
    """

    __slots__ = ()
    definition: ClassVar[str]

    @classmethod
    def definitions(cls) -> dict[str, Any]:
        """The definitions that the JSON Schema has of it, and those that these refer to."""
        return {}

    @classmethod
    @abc.abstractmethod
    def parse(cls, raw: Any) -> Any:
        """The value that YAML data says; a value of the type itself stays.

        Raises:
            SpecError: with paths relative to the data.
        """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls.parse)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"x-definition": cls.definition}
