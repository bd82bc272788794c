"""A promise, as a plan shows it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Promise(NamedTuple):
    """A promise that the result keeps, or with `found` None one of a metric, which only the training shows.

    Attributes:
        key: what it is about, as `expect` names it.
        wanted: what must hold.
        found: what holds; None of a metric, which only the training shows.
        policy: the file that makes it, where it is not the spec.
    """

    key: str
    wanted: str
    found: str | None
    policy: str | None = None  # the file that makes it, where it is not the spec

    @property
    def text(self) -> str:
        """It in a line."""
        by = f" ({self.policy})" if self.policy else ""
        return f"{self.key} {self.wanted}{by}: {self.found or 'after training'}"

    def to_json(self) -> dict[str, Any]:
        """It as plain data."""
        return self._asdict()
