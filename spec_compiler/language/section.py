"""What every section of the language is: a frozen mapping that knows all of its keys, or one frozen value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, RootModel


class Section(BaseModel):
    """A mapping of the language: frozen, unknown keys refused."""

    # Validators are built once a section is validated: to build all takes longer than to check a small spec.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """What was written, without the defaults of everything else."""
        return [(name, value) for name, value in super().__repr_args__() if name in self.model_fields_set]


class Value(RootModel[Any]):
    """A section that is one value and no mapping; its field `root` says of what type."""

    # A `RootModel[Type]` for each would be one more class for each, made at every start.
    model_config = ConfigDict(frozen=True, defer_build=True)
