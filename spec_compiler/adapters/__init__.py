"""Adapters: how values of the base become others, one file each: a formula, what it preserves, what it needs.

`graph/adapter.py` says what an adapter is; `language/adapted.py` has the words by which a spec asks for one.
"""

from __future__ import annotations

from spec_compiler.adapters.centre import Centre
from spec_compiler.adapters.identity import Identity
from spec_compiler.graph.adapter import Adapter
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.language.adapted import NewWeights, SetWeights

__all__ = ["of_changed_layer", "of_new_layer"]


def of_new_layer(weights: NewWeights, source: LayerSpec | None, origin: Origin) -> Adapter:
    """The adapter that `weights` beside a new layer says; `source` is the layer that `of` names."""
    return Identity(origin)


def of_changed_layer(weights: SetWeights, before: LayerSpec, origin: Origin) -> Adapter:
    """The adapter that `weights` of an entry of `set` says, for a layer as it was before."""
    return Centre(origin, before)
