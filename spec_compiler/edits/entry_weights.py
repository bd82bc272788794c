"""`weights` beside a new layer or a block: the adapters that it means, and the layer of which values are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from spec_compiler.adapters import of_new_layer
from spec_compiler.diagnostics import under
from spec_compiler.edits.block_weights import branch_ends
from spec_compiler.edits.new_names import Match
from spec_compiler.edits.scope import Block
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.node import ValueRef
from spec_compiler.graph.unresolved import no_layer
from spec_compiler.language.adapted import OF, NewWeights


def adapter_of(weights: NewWeights, match: Match, origin: Origin, graph: Graph, takes: Sequence[ValueRef]) -> Adapter:
    """What gives a new layer its values; `graph` is that so far, `takes` what the layer is called on.

    Raises:
        SpecError: SC201 and the others of a name that is no layer's, relative to `weights`.
    """
    source = _source(weights.of, match, graph) if weights.of is not None else None
    return of_new_layer(weights, source, origin, graph, takes)


def adapters_of_block(
    weights: NewWeights, name: str, block: Block, origin: Origin, graph: Graph
) -> Iterator[tuple[str, Adapter]]:
    """The layers of a block that its `weights` are for, each with what gives it its values.

    Raises:
        SpecError: as `branch_ends`, relative to `weights`.
    """
    flows_in = block.takes[0] if len(block.takes) == 1 else None
    for layer in branch_ends(weights, name, block.nodes, flows_in, block.ends[0], graph):
        yield layer, of_new_layer(weights, None, origin, graph, block.takes)


def _source(name: str, match: Match, graph: Graph) -> LayerSpec:
    """The layer of the model, else of the base, that has the name."""
    name = match.filled_in(name) if match.layer is not None else name
    below = (match.layer or "").rpartition("/")[0]
    for each in (f"{below}/{name}" if below else name, name):
        known = graph.layers.get(each) or graph.originals.get(each)
        if known is not None:
            return known
    with under(OF):
        raise no_layer(name, replace(graph, layers={**graph.originals, **graph.layers}))
