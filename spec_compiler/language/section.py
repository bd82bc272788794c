"""What every mapping of the language is: a frozen value that knows all of its keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A mapping of the language: frozen, unknown keys refused."""

    # Validators are built once a section is validated: to build all takes longer than to check a small spec.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """What was written, without the defaults of everything else."""
        return [(name, value) for name, value in super().__repr_args__() if name in self.model_fields_set]
