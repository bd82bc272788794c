"""`steps`: sections that edit, one after another in an order of the spec's own, each as often as it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field, create_model, model_validator

from spec_compiler.diagnostics import Diagnostic, SpecError, did_you_mean, quoted, show
from spec_compiler.edits import EDITS, SECTIONS, Edit
from spec_compiler.language.parsed import OneOrMore
from spec_compiler.language.section import Section


def field_of(section: type[Edit]) -> tuple[Any, Any]:
    """The field for a section that edits, of a spec and of a step: its type and what is said of it."""
    if not section.is_list:
        return section | None, Field(default=None, description=section.says)
    several: Any = tuple[section, ...]  # type: ignore[valid-type]
    return Annotated[several, OneOrMore()], Field(default=(), description=section.says)


class _OneSection(Section):
    """A section that edits, by its key."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="before")
    @classmethod
    def _of_one_key(cls, raw: Any) -> Any:
        if isinstance(raw, cls):
            return raw
        if not isinstance(raw, Mapping) or not raw:
            help = f"write `{raw}: …`" if raw in EDITS else "for example `- cut_at: block4_pool`"
            raise SpecError.single("SC103", f"a step is a mapping of one section, got {show(raw)}", help=help)
        unknown = [str(key) for key in raw if key not in EDITS]
        if unknown:
            raise SpecError(
                Diagnostic("SC101", f"no section that edits is called `{key}`", (key,), at_key=True, help=_help(key))
                for key in unknown
            )
        if len(raw) > 1:
            first, second, *_ = raw
            message = f"a step is one section, here are {quoted(raw)}"
            help = f"make `- {second}: …` a step of its own, after `- {first}: …`"
            raise SpecError.single("SC108", message, path=(second,), at_key=True, help=help)
        return {key: value for key, value in raw.items() if value is not None}  # as an empty section says nothing

    def said(self) -> tuple[str, Any] | None:
        """The key of the section and what it says; None for an empty one."""
        key = next(iter(self.model_fields_set), None)
        return (key, getattr(self, key)) if key is not None else None


def _help(key: str) -> str | None:
    if key in (*("spec", "name", "description", "seed", "vars", "base", "bases"), *_OF_TRAINING, "expect"):
        return f"`{key}` stands beside `steps`"
    return did_you_mean(key, EDITS, f"they are {quoted(EDITS)}")


if TYPE_CHECKING:
    Step = _OneSection
else:
    Step = create_model("Step", __base__=_OneSection, **{section.key: field_of(section) for section in SECTIONS})


_OF_TRAINING = ("data", "compile", "fit", "train", "sweep")
