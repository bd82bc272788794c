"""What trains: of the result as it is, or in each phase of training, as Keras counts `model.trainable_weights`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from spec_compiler.edits.freezing import normalizes
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.spec import Spec
from spec_compiler.training.check import inference_only, trainable_layers


@dataclass(frozen=True)
class Trained:
    """What trains in a phase, or with None of the result as the spec leaves it.

    `names` are the layers that Keras has as trainable, `counts` says how many parameters of each change with the
    gradient. `thaws`: a phase trains all that is inside of a nested model, where the result keeps what is frozen there.
    """

    phase: str | None
    names: frozenset[str]
    inference: bool
    thaws: bool
    counts: Mapping[str, int] = field(hash=False)

    def changes(self, name: str, layer: LayerSpec, graph: Graph) -> bool:
        """Whether training changes a weight of a layer, which is of `graph` or inside of one of its nested models."""
        outer = name
        while outer not in graph.layers:
            outer = outer.rpartition("/")[0]
        return outer in self.names and (outer == name or self.thaws or layer.trainable) and self._moves(layer)

    def _moves(self, layer: LayerSpec) -> bool:
        if layer.inner is not None:
            return any(self._moves(each) for each in _training(layer.inner, self.thaws))
        if normalizes(layer.class_name):  # its moving statistics follow what it sees
            return not self.inference and bool(layer.weights)
        return any(weight.trainable for weight in layer.weights)


def trained(spec: Spec, graph: Graph) -> tuple[Trained, ...]:
    """One for each phase of the spec, or the one that says what the result has as trainable.

    Raises:
        SpecError: as `trainable_layers`.
    """
    if not spec.train:
        names = frozenset(name for name, layer in graph.layers.items() if layer.trainable)
        return (_trained(None, names, False, graph),)  # `batch_norm: all` looks into nested models in a phase only
    states = []
    for index, phase in enumerate(spec.train):
        names = trainable_layers(spec, graph, index)
        states.append(_trained(phase.phase, names, inference_only(spec, index), graph))
    return tuple(states)


def _trained(phase: str | None, names: frozenset[str], inference: bool, graph: Graph) -> Trained:
    thaws = phase is not None
    shared = {layer.name for layer in graph.tied_layers}
    tied = {place for layer in graph.tied_layers if layer.name not in names for place in layer.tied}  # none trains it
    counts = {}
    for name, layer in graph.layers.items():
        if name not in names:
            continue
        if name in shared:  # each variable once, however many layers hold it
            own = {layer.stored.at(each): each.num_elements for each in layer.weights if each.trainable}
            counts[name] = sum(size for place, size in own.items() if place not in tied)
            tied |= own.keys()
        else:
            counts[name] = _num_trained(layer, inference, thaws)
    return Trained(phase, names, inference, thaws, counts)


def _num_trained(layer: LayerSpec, inference: bool, thaws: bool) -> int:
    if layer.inner is not None:
        return sum(_num_trained(each, inference, thaws) for each in _training(layer.inner, thaws))
    if inference and normalizes(layer.class_name):
        return 0
    return sum(weight.num_elements for weight in layer.weights if weight.trainable)


def _training(inner: Graph, thaws: bool) -> list[LayerSpec]:
    return [layer for layer in inner.layers.values() if thaws or layer.trainable]
