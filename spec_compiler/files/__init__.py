"""Files: the gate through which those that a spec names are found, and how whole ones are written."""

from __future__ import annotations

from spec_compiler.files.folder import HERE, Folder, gone

__all__ = ["HERE", "Folder", "gone"]
