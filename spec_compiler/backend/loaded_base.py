"""A base as a graph, with where its weights are, whatever it was made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from spec_compiler.backend.models.fresh_layers import Custom
from spec_compiler.backend.weights.references import Reference
from spec_compiler.diagnostics import Diagnostic, under
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Shape
from spec_compiler.language.base import Weights
from spec_compiler.memory.cache import Key
from spec_compiler.spec.file_paths import locate
from spec_compiler.weights.files import check_assets, find
from spec_compiler.weights.sources import NoWeights, WeightSource


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


def given(weights: Weights, folder: Folder, graph: Graph, result: Graph) -> WeightSource:
    """Where the weights are that a base is given: in a file, or nowhere.

    Raises:
        SpecError: as `find`; paths relative to the base.
    """
    with under("weights"):
        if weights.kind == "none":
            check_assets(result, "`null`")
            return NoWeights()
        return replace(find(locate(weights, folder), weights, graph, result), path=("weights",))
