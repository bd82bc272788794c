"""Names by which files are known to be of a kind."""

from __future__ import annotations

SPEC_SUFFIXES = (".yaml", ".yml")
