"""`Spec`, what the user wrote: its fields and mistakes, its schema, what it may do, the files that it names."""

from __future__ import annotations

from spec_compiler.spec.loading import load_spec
from spec_compiler.spec.spec import Spec, validate

__all__ = ["Spec", "load_spec", "validate"]
