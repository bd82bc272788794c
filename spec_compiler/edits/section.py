"""What every section of the language that edits is: a frozen value whose `apply` is its meaning."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from spec_compiler.diagnostics import Path
from spec_compiler.graph import Graph


class Section(BaseModel):
    """A mapping of the language: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """What was written, without the defaults of everything else."""
        return [(name, value) for name, value in super().__repr_args__() if name in self.model_fields_set]


class Edit(Protocol):
    """A change of a graph. `path` is where it stands in the spec."""

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph after the edit.

        Raises:
            SpecError: where the edit does not fit the graph, paths relative to the edit.
        """
        ...
