"""What a model looks like, with no framework inside: layers, nodes, and what can be asked of them."""

from __future__ import annotations

from spec_compiler.graph.graph import Coming, Graph, LeftOut, Shaped
from spec_compiler.graph.topological import InvalidGraph

__all__ = ["Coming", "Graph", "InvalidGraph", "LeftOut", "Shaped"]
