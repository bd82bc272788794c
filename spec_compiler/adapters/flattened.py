"""What a `Flatten` in front of a layer made a row of: the size of the map, and the order of its axes in the row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spec_compiler.adapters.kernel_and_bias import is_channels_first
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import Node, ValueRef

# Layers that leave each number of a row where it is.
_PASSES = (
    "Activation",
    "ReLU",
    "LeakyReLU",
    "PReLU",
    "ELU",
    "Dropout",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "BatchNormalization",
    "Identity",
)


@dataclass(frozen=True)
class Flattened:
    """A map that was laid out as a row.

    `shape` is its shape without the batch axis, None where it is not known yet. A `Flatten` that is told that the
    channels come first moves the first axis to the end before it lays out: `call` of
    keras/src/layers/reshaping/flatten.py.
    """

    shape: tuple[int, ...] | None
    moves_first: bool

    def order(self, rank: int) -> tuple[int, ...]:
        """The axes of a map, without the batch axis, in the order in which they are laid out."""
        return (*range(1, rank), 0) if self.moves_first else tuple(range(rank))


def flattened_before(
    nodes: Mapping[str, Node], layers: Mapping[str, LayerSpec], takes: tuple[ValueRef, ...]
) -> Flattened | None:
    """What flattened the one tensor that a call takes; None where nothing did, as far as can be seen."""
    while len(takes) == 1 and takes[0].node in nodes:
        node = nodes[takes[0].node]
        layer = layers[node.layer]
        takes = tuple(node.data_inputs)
        if layer.class_name == "Flatten":
            return Flattened(_shape(nodes, takes), is_channels_first(layer))
        if layer.class_name == "Reshape" and len(layer.arguments.get("target_shape", ())) == 1:
            return Flattened(_shape(nodes, takes), False)
        if layer.class_name not in _PASSES:
            return None
    return None


def _shape(nodes: Mapping[str, Node], takes: tuple[ValueRef, ...]) -> tuple[int, ...] | None:
    outputs = nodes[takes[0].node].outputs if len(takes) == 1 and takes[0].node in nodes else ()
    shape = outputs[takes[0].index].shape[1:] if takes and takes[0].index < len(outputs) else (None,)
    known = tuple(size for size in shape if size is not None)
    return known if len(known) == len(shape) else None
