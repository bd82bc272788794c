"""Pictures of a plan: `to_dot` writes DOT text, and `draw` alone runs an engine."""

from spec_compiler.diagram.dot import to_dot
from spec_compiler.diagram.picture import VIEWS

__all__ = ["VIEWS", "to_dot"]
