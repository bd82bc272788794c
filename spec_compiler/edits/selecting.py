"""`layers` with `where`, `except` and `expect` beside it, in an edit that is about some layers."""

from __future__ import annotations

import abc
from dataclasses import replace
from typing import Annotated, Any, Self

from pydantic import Field, StrictInt, model_validator

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, under
from spec_compiler.graph import Graph
from spec_compiler.graph.resolve import resolve
from spec_compiler.language.section import Section
from spec_compiler.language.selectors import Selector

_NARROWING = ("where", "except", "expect")


class Selecting(Section):
    """An edit with a field `layers`, which these fields narrow; a selector's own mapping form says the same inside."""

    where: dict[str, Any] | None = Field(
        default=None,
        min_length=1,
        description="Only layers whose arguments have these values. A bound is a value too: `>=256`.",
        examples=[{"filters": ">=256"}],
    )
    except_: Selector | None = Field(
        default=None, alias="except", description="Layers to leave out.", examples=["block1_*"]
    )
    expect: Annotated[StrictInt, Field(ge=0)] | None = Field(
        default=None, description="How many layers must match.", examples=[12]
    )

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        inside = self._selector
        said = {"where": bool(inside.where), "except": inside.excluded is not None, "expect": inside.expect is not None}
        problems = [
            Diagnostic("SC108", f"`{key}` is said twice, inside of `layers` too", (key,), at_key=True, help="keep one")
            for key in _NARROWING
            if said[key] and getattr(self, "except_" if key == "except" else key) is not None
        ]
        if problems:
            raise SpecError(problems)
        return self

    @property
    @abc.abstractmethod
    def _selector(self) -> Selector:
        """What stands under `layers`."""

    def _selected(self, graph: Graph, *below: str | int) -> tuple[str, ...]:
        """The calls of the layers that are meant; `below` leads from the edit to the selector.

        Raises:
            SpecError: as `resolve`, paths relative to the edit.
        """
        if self.except_ is not None:
            with under("except"):
                resolve(self.except_, graph)  # so that what is wrong with it is told where it stands
        selector = self._selector
        beside = {key for key in _NARROWING if getattr(self, "except_" if key == "except" else key) is not None}
        selector = replace(
            selector,
            where=self.where if self.where is not None else selector.where,
            excluded=self.except_ if self.except_ is not None else selector.excluded,
            expect=self.expect if self.expect is not None else selector.expect,
        )
        try:
            return resolve(selector, graph)
        except SpecError as error:
            raise SpecError(_placed(each, below, beside) for each in error.diagnostics) from None


def _placed(problem: Diagnostic, below: Path, beside: set[str]) -> Diagnostic:
    """A problem of the selector at its place in the edit."""
    if problem.path and problem.path[0] in beside:
        return problem
    return replace(problem, path=(*below, *problem.path))
