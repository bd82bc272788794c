"""A filled model walked call by call, and a base run to chosen tensors; what calls change in layers is put back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.models.reader import node_tensors
from spec_compiler.backend.models.state import untracked
from spec_compiler.backend.models.writer import Built
from spec_compiler.backend.weights.memory_weights import to_array
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import Node, ValueRef, map_references

Array = np.ndarray[Any, Any]


@dataclass
class Walk:
    """The result, call by call; `tensors` are those that are still needed."""

    built: Built
    inputs: Mapping[str, Any]
    tensors: dict[ValueRef, Any] = field(default_factory=dict)

    def calls(self, kept: Iterable[str] = ()) -> Iterator[tuple[Node, LayerSpec, list[Any]]]:
        """Each call with what it puts out, while `tensors` has what it takes.

        Afterwards `tensors` has the model's outputs, and what the nodes `kept` put out.
        """
        graph = self.built.graph
        stays = {*kept, *(ref.node for ref in graph.output_refs)}
        waiting = {name: len(users) for name, users in graph.consumers.items()}
        for name, node in graph.nodes.items():
            spec = graph.layers[node.layer]
            if spec.kind == "input":
                self.tensors[ValueRef(name)] = self.inputs[name]
                continue
            ours = self.call(self.built.layers[node.layer], node)
            yield node, spec, ours
            self.tensors.update((ValueRef(name, index), each) for index, each in enumerate(ours))
            for source in {ref.node for ref in node.inputs}:
                waiting[source] -= 1
                if not waiting[source] and source not in stays:  # a deep network's tensors fill gigabytes
                    for ref in [ref for ref in self.tensors if ref.node == source]:
                        del self.tensors[ref]

    def call(self, layer: Any, node: Node, instead: Mapping[ValueRef, Any] | None = None) -> list[Any]:
        """What one call puts out, on the tensors that it takes or those that are there `instead`.

        What it changes in the layer, such as the state of a generator, is put back.
        Without a word on `training`, as one of `model(x, training=False)` would overrule what the calls say themselves.
        """
        tensors = {**self.tensors, **instead} if instead else self.tensors
        args = map_references(node.args, tensors.__getitem__)
        kwargs = map_references(dict(node.kwargs), tensors.__getitem__)
        with as_it_was([(layer, bool(kwargs.get("training")))]):
            return list(keras.tree.flatten(layer(*args, **kwargs)))


@dataclass(frozen=True)
class BaseTensors:
    """The tensors of one of the bases by the calls that put them out, as the result names them."""

    graph: Graph
    prefix: str
    model: Any
    by_call: Mapping[str, Any]

    @classmethod
    def of(cls, graph: Graph, prefix: str, model: Any) -> BaseTensors:
        """Those of a base; `graph` is the result's, `prefix` that of the base's layers."""
        tensors = {ref.node: tensor for ref, tensor in node_tensors(model).items() if ref.index == 0}
        return cls(graph, prefix, model, {_now(graph, prefix, call): each for call, each in tensors.items()})

    def run(self, tensors: Sequence[Any], inputs: Mapping[str, Any], built: Built) -> list[Any] | None:
        """What the base's own run puts out at some of its tensors; None where `inputs` leaves one of its own out."""
        names = {id(tensor): name for name, tensor in self.by_call.items()}
        feeds = [inputs.get(names.get(id(tensor), "")) for tensor in self.model.inputs]
        if not tensors or any(feed is None for feed in feeds):
            return None
        training = in_training(self.graph)
        now = {layer.name: _now(self.graph, self.prefix, layer.name) for layer in self.model.layers}
        with as_it_was([(layer, now[layer.name] in training) for layer in self.model.layers]):
            for layer in self.model.layers:
                if now[layer.name] in built.layers:
                    same_seeds(built.layers[now[layer.name]], layer)
            return list(keras.tree.flatten(keras.Model(self.model.inputs, list(tensors))(feeds)))


def _now(graph: Graph, prefix: str, call: str) -> str:
    """A call of the base as the result names it."""
    layer, at, number = f"{prefix}{call}".partition("@")
    return f"{graph.renamed.get(layer, layer)}{at}{number}"


def layer_of_base(name: str, models: Mapping[str, Any]) -> Any:
    """The layer or operation of its name in one of the bases, by their prefixes; None where there is none.

    A base that is one layer is itself the layer of its name.
    """
    name = f"{name}/"
    prefix = next((prefix for prefix in models if name.startswith(prefix)), None)
    inside = models[prefix] if prefix is not None else None
    for part in name.removeprefix(prefix or "").split("/"):
        if inside is not None and part:
            among = getattr(inside, "operations", None) or inside.layers  # a Sequential has no operations
            inside = next((operation for operation in among if operation.name == part), None)
    return inside


def same_seeds(ours: Any, theirs: Any) -> None:
    """Gives the base's layer the states of our generators: no file holds them, so each loading draws its own."""
    if not hasattr(ours, "variables") or len(ours.variables) != len(theirs.variables):
        return
    weights = {id(each) for each in theirs.weights}
    for variable, of_base in zip(ours.variables, theirs.variables, strict=True):
        if id(of_base) not in weights and variable.shape == of_base.shape:
            of_base.assign(np.array(to_array(variable)))


@contextlib.contextmanager
def as_it_was(layers: Iterable[tuple[Any, bool]]) -> Iterator[None]:
    """Puts back what calls change in layers: generators, states of recurrent layers; every variable of one in training.

    `layers` says for each whether it is called with `training: true`.
    """
    variables: list[Any] = []
    for layer, training in layers:
        if hasattr(layer, "variables"):
            weights = {id(each) for each in layer.weights}  # in Keras `variables` less the states of generators
            variables += [each for each in layer.variables if training or id(each) not in weights]
            variables += untracked(layer).values()
    values = [np.array(to_array(each)) for each in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


def in_training(graph: Graph) -> set[str]:
    return {node.layer for node in graph.nodes.values() if node.kwargs.get("training")}


def array_of(tensor: Any) -> Array:
    if hasattr(tensor, "to_dense") or type(tensor).__name__ == "SparseTensor":
        tensor = keras.ops.convert_to_tensor(tensor, sparse=False)
    if hasattr(tensor, "numpy") and not hasattr(tensor, "detach"):  # torch's refuses a tensor with a gradient
        return np.asarray(tensor.numpy())
    return np.asarray(keras.ops.convert_to_numpy(tensor))
