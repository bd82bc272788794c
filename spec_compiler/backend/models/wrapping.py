"""A new layer around a kept one: `TimeDistributed`, `Bidirectional` and Keras's other wrappers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import keras

from spec_compiler.backend.models.reader import read_variables
from spec_compiler.diagnostics import Diagnostic
from spec_compiler.graph.layer_spec import LayerSpec


def inside(layer: Any) -> Any:
    """The layer inside of a wrapper that continues the wrapped one: of two directions that which runs as it did."""
    return layer.forward_layer if isinstance(layer, keras.layers.Bidirectional) else layer.layer


def with_wrapped(made: LayerSpec, spec: LayerSpec, layer: Any) -> LayerSpec:
    """What was read of a wrapper, with the layer inside of it and the places where the base keeps its variables."""
    if spec.wrapped is None:
        return made
    indices = {id(variable): index for index, variable in enumerate(inside(layer).variables)}
    kept = (indices.get(id(variable)) for variable in layer.variables)
    places = tuple(None if index is None else spec.wrapped.place(index) for index in kept)
    return replace(made, wrapped=spec.wrapped, stored=replace(made.stored, places=places))


def misfits(spec: LayerSpec, layer: Any) -> Iterator[Diagnostic]:
    """SC402 for a wrapped layer that, on what its wrapper takes, has other variables than the base keeps values for."""
    if spec.wrapped is None or not getattr(layer, "built", False):
        return
    old, new = spec.wrapped.variables or (), read_variables(inside(layer))
    if [each.shape for each in old] == [each.shape for each in new]:
        return
    pairs = ((one, other) for one, other in zip(old, new, strict=False) if one.shape != other.shape)
    one, other = next(pairs, (None, None))
    notes = () if one is None or other is None else (f"its {one.path} has the shape {one.shape}, now {other.shape}",)
    message = f"the kept layer `{spec.wrapped.name}` does not fit into `{spec.name}`, its weights are for another input"
    help = "let the wrapper take what the layer took, one of several for `TimeDistributed`"
    yield Diagnostic("SC402", message, (*spec.origin.path, spec.class_name, "layer"), notes=notes, help=help)
