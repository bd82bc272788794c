"""The fields that a spec begins with, and those of the sections that edit, in the order in which they are applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StrictInt, StrictStr, create_model

from spec_compiler.edits import SECTIONS
from spec_compiler.language.base import Base
from spec_compiler.language.parsed import OneOrMore
from spec_compiler.language.section import Section
from spec_compiler.spec.modules import Module
from spec_compiler.spec.steps import field_of

BaseName = Annotated[StrictStr, Field(min_length=1, pattern=r"^[A-Za-z0-9_]+$")]


class _Beginning(Section):
    """What a spec says before its edits."""

    spec: Literal[1] = Field(description="The version of the language.", examples=[1])
    name: Annotated[StrictStr, Field(min_length=1, pattern=r"^[^/]*$")] | None = Field(
        default=None,
        description="The name of the resulting model. If left out, that of the base.",
        examples=["cats_and_dogs"],
    )
    description: StrictStr | None = Field(
        default=None, description="What the result is for.", examples=["Tells cats from dogs in photographs."]
    )
    imports: Annotated[tuple[Module, ...], OneOrMore()] = Field(
        default=(),
        description="Python modules, beside the spec or installed, with your own classes: those that they "
        "register with Keras, or that a saved model names. Only with --allow-code, as it runs code.",
        examples=[["my_layers"]],
    )
    seed: Annotated[StrictInt, Field(ge=0, lt=2**63)] = Field(
        default=0, description="Initializes the new layers. The same spec and seed give the same bits.", examples=[7]
    )
    base: Base | None = Field(
        default=None, description="The model that the spec starts from. Leave it out where the caller passes one."
    )
    bases: Annotated[dict[BaseName, Base], Field(min_length=1, max_length=64)] | None = Field(
        default=None,
        description="Several bases by name, in place of `base`. Their layers are called `name/layer`.",
        examples=[{"left": {"application": "MobileNetV2"}, "right": {"file": "model.keras"}}],
        json_schema_extra={"if": {"maxProperties": 1}, "then": {"additionalProperties": {"required": ["as"]}}},
    )


if TYPE_CHECKING:

    class Edited(_Beginning):
        """Has a field for each of `SECTIONS`; `Spec.section` gives them with their type."""

        def __getattr__(self, name: str) -> Any: ...
else:
    Edited = create_model("Edited", __base__=_Beginning, **{section.key: field_of(section) for section in SECTIONS})
