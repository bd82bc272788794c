"""A base `as: layer`: a model of one call of it, as `keras.Model(inputs, base(inputs))`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras

from spec_compiler.backend.loaded_base import LoadedBase
from spec_compiler.backend.models.reader import has_all_configs, read_graph
from spec_compiler.backend.models.rebuilding import Originals
from spec_compiler.backend.models.symbolic import skeleton
from spec_compiler.backend.models.writer import build
from spec_compiler.backend.weights.freezing import freeze
from spec_compiler.backend.weights.nested import NestedWeights
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Place
from spec_compiler.graph.node import map_references
from spec_compiler.memory.bases import keep_graph, nested_key, recall_graph
from spec_compiler.weights.sources import WeightSource


def as_layer(base: LoadedBase, name: str | None) -> LoadedBase:
    """The base as the one layer of a model, called as the base is, or by the name that it has among several."""
    called = name or base.graph.name
    key = nested_key(base.key, name)
    graph, custom = recall_graph(key), base.custom
    if graph is None:
        model = skeleton(lambda: _around(base, called))
        originals = Originals.of(model)
        graph = read_graph(model)
        custom = replace(custom, originals=originals)
        if originals.are_needed or not has_all_configs(graph):
            key = None
        keep_graph(key, graph)
    factories = {f"{called}/{inside}": factory for inside, factory in custom.factories.items()}
    places = _places(base.graph, graph.layers[called])

    def weights(result: Graph) -> WeightSource:
        return NestedWeights.of(called, base.weights(base.graph), base.graph, places)

    return replace(
        base,
        graph=graph,
        weights=weights,
        custom=replace(custom, factories=factories),
        key=key,
        references={f"{called}/": each for each in base.references.values()},
        resized=lambda size: None,
        is_layer=True,
    )


def _around(base: LoadedBase, name: str) -> Any:
    """A model that calls the base, both without weights."""
    built = build(base.graph, base.graph, custom=base.custom)
    inner = built.model
    inner.name = name
    for spec in base.graph.layers.values():  # `build` leaves it to those who fill the model
        if spec.can_train and not spec.trainable:
            freeze(built.layers[spec.name])
    fresh = {ref.node: _input(built.layers[ref.node]) for ref in base.graph.input_refs}
    inputs = map_references(base.graph.inputs, lambda ref: fresh[ref.node])
    return keras.Model(inputs, inner(inputs), name=base.graph.name)


def _input(layer: Any) -> Any:
    return keras.layers.InputLayer.from_config(layer.get_config()).output


def _places(base: Graph, layer: LayerSpec) -> tuple[Place, ...]:
    """Where the base has each variable of the layer that it is: Keras lists them in the order of its layers."""
    order = sorted(
        (each for each in base.layers.values() if each.variables),
        key=lambda each: (each.position is None, each.position or 0),
    )
    places: dict[str, Place] = {}
    for each in order:  # one that several layers share is listed once, with the first of them
        for index, variable in enumerate(each.variables or ()):
            places.setdefault(each.stored.at(variable), (each.name, index))
    assert len(places) == len(layer.variables or ())
    return tuple(places.values())
