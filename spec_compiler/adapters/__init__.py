"""Adapters: how values of the base become others, one file each: a formula, what it preserves, what it needs.

`graph/adapter.py` says what an adapter is; `language/adapted.py` has the words by which a spec asks for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spec_compiler.adapters.centre import Centre
from spec_compiler.adapters.classes import Classes
from spec_compiler.adapters.flattened import flattened_before
from spec_compiler.adapters.identity import Identity
from spec_compiler.adapters.like import Like
from spec_compiler.adapters.positions import Bicubic, Bilinear
from spec_compiler.adapters.reshape import ConvToDense, DenseToConv
from spec_compiler.adapters.rows import FirstRows, Rows
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.node import ValueRef
from spec_compiler.language.adapted import LIKE, NewWeights, SetWeights

__all__ = ["of_changed_layer", "of_new_layer"]


def of_new_layer(
    weights: NewWeights, source: LayerSpec | None, origin: Origin, graph: Graph, takes: Sequence[ValueRef]
) -> Adapter:
    """The adapter that `weights` beside a new layer says.

    `source` is the layer that `of` names, `takes` what the new one is called on in the graph.
    """
    if source is None:
        return Identity(origin)
    if weights.strategy == LIKE:
        return Like(origin, source)
    if weights.strategy == "reshape" and weights.value == "dense_to_conv":
        nodes, layers = graph.nodes, graph.layers
        if not source.is_new:  # what the edits before made has no shapes yet
            nodes, layers = graph.original_nodes, graph.originals
        calls = (node for node in nodes.values() if node.layer == source.name_in_base)
        of_source = next((node.data_inputs for node in calls), ())
        return DenseToConv(origin, source, flattened_before(nodes, layers, tuple(of_source)))
    if weights.strategy == "reshape":
        return ConvToDense(origin, source, flattened_before(graph.nodes, graph.layers, tuple(takes)))
    return _BY_NAMES[weights.strategy](origin, source, *_names(weights.value, graph))


def of_changed_layer(weights: SetWeights, before: LayerSpec, origin: Origin, graph: Graph) -> Adapter:
    """The adapter that `weights` of an entry of `set` says, for a layer as it was before."""
    if weights.strategy in _BY_NAMES:
        return _BY_NAMES[weights.strategy](origin, before, *_names(weights.value, graph))
    if weights.strategy in _RESAMPLED:
        grids = {key: (int(grid[0]), int(grid[1])) for key, grid in (weights.value or {}).items()}
        return _RESAMPLED[weights.strategy](origin, before, **grids)
    return _OF_CHANGED[weights.strategy](origin, before)


_OF_CHANGED: Mapping[str, Callable[[Origin, LayerSpec], Adapter]] = {"centre": Centre, "first_rows": FirstRows}
_BY_NAMES: Mapping[str, Callable[..., Adapter]] = {"classes": Classes, "rows": Rows}
_RESAMPLED: Mapping[str, Callable[..., Adapter]] = {"bicubic": Bicubic, "bilinear": Bilinear}


def _names(value: Mapping[str, Any], graph: Graph) -> list[tuple[str, ...]]:
    """The old and the new names that a strategy says, read before where a file has them."""
    return [graph.names[each] if isinstance(each, str) else tuple(each) for each in (value["old"], value["new"])]
