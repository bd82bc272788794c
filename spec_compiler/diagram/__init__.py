"""Pictures of a plan: `to_dot` writes DOT text, `draw` and `render` run an engine on it."""

from spec_compiler.diagram.dot import to_dot
from spec_compiler.diagram.draw import DrawError, draw, render
from spec_compiler.diagram.picture import VIEWS

__all__ = ["VIEWS", "DrawError", "draw", "render", "to_dot"]
