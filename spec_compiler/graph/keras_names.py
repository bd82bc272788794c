"""Names in Keras, which allows no slash in them: no two layers of a model share one."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from spec_compiler.graph import Graph
from spec_compiler.language.layer_names import numbered


def flat(name: str) -> str:
    """A name as Keras allows it.

    >>> flat("left/block1/conv")
    'left_block1_conv'
    """
    return name.replace("/", "_")


def with_keras_names(graph: Graph) -> Graph:
    """The graph with a name in Keras for each layer whose own has a slash, and no such name twice.

    A name without a slash stands in Keras as it is. Of the others each keeps the one that it has, where it is free; of
    two that have the same the first, and the rest get theirs in full, then with a number.
    """
    slashed = [layer for layer in graph.layers.values() if layer.keras_name is not None]
    taken = {layer.name for layer in graph.layers.values() if layer.keras_name is None}
    waiting = []
    for layer in slashed:  # those that keep their name come before those that get one, which might be the same
        if layer.keras_name in taken:
            waiting.append(layer)
        else:
            taken.add(layer.name_in_keras)
    changed = {}
    for layer in waiting:
        names = (numbered(flat(layer.name), number) for number in count())
        name = next(name for name in names if name not in taken)
        taken.add(name)
        changed[layer.name] = replace(layer, keras_name=name)
    return replace(graph, layers={**graph.layers, **changed}) if changed else graph
