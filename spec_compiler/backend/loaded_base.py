"""A base as a graph, with where its weights are, whatever it was made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from spec_compiler.backend.models.fresh_layers import Custom
from spec_compiler.backend.weights.references import Reference
from spec_compiler.diagnostics import Diagnostic
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Shape
from spec_compiler.memory.cache import Key
from spec_compiler.weights.sources import WeightSource


@dataclass(frozen=True)
class LoadedBase:
    """A base as a graph. `weights` finds where its variables are, which may download a file."""

    graph: Graph
    weights: Callable[[Graph], WeightSource]  # for the graph of the result
    custom: Custom = field(default_factory=Custom)
    is_remote: bool = False
    key: Key | None = None  # what the graph is remembered by
    references: Mapping[str, Reference] = field(default_factory=dict)  # by its layers' prefix; none without weights
    resized: Callable[[Shape], Graph | None] = lambda size: None  # of an application, by its constructor
    traps: Callable[[], Iterable[Diagnostic]] = tuple  # what of its weights is legal but surely not meant
    is_layer: bool = False  # all of it one layer
