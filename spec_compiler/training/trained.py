"""What trains: of the result as it is, or in each phase of training, as Keras counts `model.trainable_weights`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from spec_compiler.edits.freezing import normalizes
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.trainable import layer_at
from spec_compiler.spec import Spec
from spec_compiler.training.check import counts_of_trained, graph_of_phase


class Trained(NamedTuple):
    """What trains in a phase, or with None of the result as the spec leaves it.

    `graph` says which layers do, `counts` how many parameters of each change with the gradient.
    """

    phase: str | None
    graph: Graph
    counts: Mapping[str, int]

    def changes(self, name: str) -> bool:
        """Whether training changes a weight of a layer, which may be inside of a nested model."""
        return self._moves(layer_at(self.graph, name))

    def _moves(self, layer: LayerSpec) -> bool:
        if not layer.trainable:
            return False
        if layer.inner is not None:
            return any(map(self._moves, layer.inner.layers.values()))
        if normalizes(layer.class_name):  # its moving statistics follow what it sees
            return not self.graph.inference and bool(layer.weights)
        return any(weight.trainable for weight in layer.weights)


def trained(spec: Spec, graph: Graph) -> tuple[Trained, ...]:
    """One for each phase of the spec, or the one that says what the result has as trainable.

    Raises:
        SpecError: as `graph_of_phase`.
    """
    states: list[tuple[str | None, Graph]] = [
        (phase.phase, graph_of_phase(spec, graph, index)) for index, phase in enumerate(spec.train)
    ]
    return tuple(Trained(phase, each, counts_of_trained(each)) for phase, each in states or [(None, graph)])
