"""Pictures of a plan: `to_dot`, `to_mermaid`, `to_tree` and `to_html` write text, `draw` and `render` run an engine."""

from spec_compiler.diagram.dot import to_dot
from spec_compiler.diagram.draw import DrawError, draw, render
from spec_compiler.diagram.html import to_html
from spec_compiler.diagram.mermaid import to_mermaid
from spec_compiler.diagram.picture import VIEWS
from spec_compiler.diagram.tree import to_tree

__all__ = ["VIEWS", "DrawError", "draw", "render", "to_dot", "to_html", "to_mermaid", "to_tree"]
