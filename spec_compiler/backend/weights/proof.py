"""That a result computes what its base computes: both run side by side, every kept layer compared bit for bit.

Equal variables are not an equal function: a layer may know more than they hold. So the result is walked call by call on
probe inputs, and wherever a kept layer is called, the base's own layer is called on the very same tensors. What lies
before the first edits is compared with the base's own run as well, and the walk with the model that the user gets.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.models.reader import node_tensors
from spec_compiler.backend.models.state import untracked
from spec_compiler.backend.models.store import parts
from spec_compiler.backend.models.writer import Built
from spec_compiler.backend.weights.probes import probes
from spec_compiler.backend.weights.references import Reference
from spec_compiler.backend.weights.sources import to_array
from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import Node, ValueRef, map_references
from spec_compiler.graph.unchanged import frontier, unchanged_nodes
from spec_compiler.plan.proof import Proof

Array = np.ndarray[Any, Any]


def prove(
    before: Graph,
    built: Built,
    references: Mapping[str, Reference],
    folder: str | None = None,
    initialized: Iterable[str] = (),
) -> Proof:
    """Runs base and result on probe inputs, in inference mode, and compares.

    `before` is the base's graph as the edits saw it; `references` are the bases by the prefix of their layers' names,
    `""` or `name/`; `folder` has images to run on. `initialized` are kept layers that the base's weights leave out:
    that they are the same says nothing, so they are told, not counted.

    Raises:
        SpecError: SC513, a kept layer computes something else; SC501, SC603, SC604 for the images, SC609 where the
            models cannot be run on what their inputs say.
    """
    if not references:
        return Proof("the base comes without weights", "", 0, 0)
    models = {prefix: each.model() for prefix, each in references.items()}
    initialized = frozenset(initialized)
    text = " and ".join(each.text for each in references.values())
    last = frontier(built.graph, unchanged_nodes(before.under_names_of(built.graph), built.graph))
    refused: Exception | None = None
    for probe in probes(built.graph, [layer for model in models.values() for layer in parts(model)], folder):
        try:
            ends = _run(built, probe.inputs)
        except Exception as error:  # too small for this network, perhaps
            refused = error
            continue
        walk = _Walk(built, models, probe.inputs, initialized)
        walk.run(last)
        _compare_result(built, walk, ends)
        num_tensors = sum(_compare_base(built.graph, prefix, model, walk, last) for prefix, model in models.items())
        left_out = tuple(name for name in built.layers if name in initialized & walk.compared)
        num_layers = len(walk.compared) - len(left_out)
        return Proof(text, probe.text, num_layers, num_tensors, tuple(walk.inexact), left_out)
    specs = [built.graph.spec_of(ref) for ref in built.graph.input_refs]
    help = "give its inputs a size: `input: {shape: …}`"
    if any(spec is not None and len(spec.shape) == 4 for spec in specs):
        help = "name a folder with images: `--probe images/`"
    notes = [f"Keras says: {keras_reason(refused)}" if refused is not None else "they have no inputs"]
    raise SpecError.single(
        "SC609", "the models cannot be run on seeded inputs of their own shapes", notes=notes, help=help
    )


def _layer_of_base(spec: LayerSpec, models: Mapping[str, Any]) -> Any:
    """The layer or operation of its name in one of the bases, by their prefixes; None where there is none.

    A base that is one layer is itself the layer of its name.
    """
    name = f"{spec.name_in_base}/"
    prefix = next((prefix for prefix in models if name.startswith(prefix)), None)
    inside = models[prefix] if prefix is not None else None
    for part in name.removeprefix(prefix or "").split("/"):
        if inside is not None and part:
            among = getattr(inside, "operations", None) or inside.layers  # a Sequential has no operations
            inside = next((operation for operation in among if operation.name == part), None)
    return inside


@dataclass
class _Walk:
    """The result, call by call, with the base's layers beside it."""

    built: Built
    bases: Mapping[str, Any]  # models by the prefix of their layers' names
    inputs: Mapping[str, Any]
    initialized: frozenset[str] = frozenset()
    tensors: dict[ValueRef, Any] = field(default_factory=dict)
    compared: set[str] = field(default_factory=set)
    inexact: list[str] = field(default_factory=list)

    def run(self, kept: Iterable[str]) -> None:
        """Calls every layer; afterwards `tensors` has the model's outputs, and what the nodes `kept` put out."""
        graph = self.built.graph
        stays = {*kept, *(ref.node for ref in graph.output_refs)}
        waiting = {name: len(users) for name, users in graph.consumers.items()}
        for name, node in graph.nodes.items():
            spec = graph.layers[node.layer]
            if spec.kind == "input":
                self.tensors[ValueRef(name)] = self.inputs[name]
                continue
            ours = self._call(self.built.layers[node.layer], node)
            if spec.cause is None and (other := _layer_of_base(spec, self.bases)) is not None:
                _same_seeds(self.built.layers[node.layer], other)
                self._compare(spec, node, ours, other)
            self.tensors.update((ValueRef(name, index), each) for index, each in enumerate(ours))
            for source in {ref.node for ref in node.inputs}:
                waiting[source] -= 1
                if not waiting[source] and source not in stays:  # a deep network's tensors fill gigabytes
                    for ref in [ref for ref in self.tensors if ref.node == source]:
                        del self.tensors[ref]

    def _call(self, layer: Any, node: Node) -> list[Any]:
        """What one call puts out; what it changes in the layer, such as the state of a generator, is put back.

        Without a word on `training`, as one of `model(x, training=False)` would overrule what the calls say themselves.
        """
        args = map_references(node.args, self.tensors.__getitem__)
        kwargs = map_references(dict(node.kwargs), self.tensors.__getitem__)
        with _as_it_was([(layer, bool(kwargs.get("training")))]):
            return list(keras.tree.flatten(layer(*args, **kwargs)))

    def _compare(self, spec: LayerSpec, node: Node, ours: Sequence[Any], other: Any) -> None:
        self.compared.add(spec.name)
        if spec.inner is not None and spec.name in self.initialized:
            return  # first values are drawn by a layer's name: inside of a model they are others
        theirs = self._call(other, node)
        difference = _difference(ours, theirs)
        if difference is not None:
            again = _difference(theirs, self._call(other, node))
            if again is None or difference > 10 * max(again, 1e-12):
                raise _differs(spec, difference, theirs)
            self.inexact.append(spec.name)


def _same_seeds(ours: Any, theirs: Any) -> None:
    """Gives the base's layer the states of our generators: no file holds them, so each loading draws its own."""
    if not hasattr(ours, "variables") or len(ours.variables) != len(theirs.variables):
        return
    weights = {id(each) for each in theirs.weights}
    for variable, of_base in zip(ours.variables, theirs.variables, strict=True):
        if id(of_base) not in weights and variable.shape == of_base.shape:
            of_base.assign(np.array(to_array(variable)))


@contextlib.contextmanager
def _as_it_was(layers: Iterable[tuple[Any, bool]]) -> Iterator[None]:
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


class ProofError(Exception):
    """The model puts out something else than its own layers do: a bug of the compiler or of Keras."""


def _run(built: Built, inputs: Mapping[str, Any]) -> list[Any]:
    """What the model that the user gets puts out."""
    feeds = map_references(built.graph.inputs, lambda ref: inputs[ref.node])
    training = _in_training(built.graph)
    with _as_it_was([(layer, name in training) for name, layer in built.layers.items()]):
        return list(keras.tree.flatten(built.model(feeds)))


def _compare_result(built: Built, walk: _Walk, ends: Sequence[Any]) -> None:
    """Compares the walk with what the model put out."""
    for ref, end in zip(built.graph.output_refs, ends, strict=True):
        difference = _difference([walk.tensors[ref]], [end])
        if difference is not None and not walk.inexact:
            raise ProofError(f"the model's output {ref.node} differs from that of its layers by {difference}")


def _compare_base(graph: Graph, prefix: str, model: Any, walk: _Walk, last: Sequence[str]) -> int:
    """Compares the tensors before the first edits with those of a base's own run; how many there are."""

    def now(call: str) -> str:
        """A call of the base as the result names it."""
        layer, at, number = f"{prefix}{call}".partition("@")
        return f"{graph.renamed.get(layer, layer)}{at}{number}"

    of_base = {now(ref.node): tensor for ref, tensor in node_tensors(model).items() if ref.index == 0}
    chosen = [name for name in last if name in of_base and graph.layer_of(name).kind != "input"]
    names = {id(tensor): name for name, tensor in of_base.items()}
    feeds = [walk.inputs.get(names.get(id(tensor), "")) for tensor in model.inputs]
    if not chosen or any(feed is None for feed in feeds):
        return 0
    training = _in_training(graph)
    with _as_it_was([(layer, now(layer.name) in training) for layer in model.layers]):
        for layer in model.layers:
            if now(layer.name) in walk.built.layers:
                _same_seeds(walk.built.layers[now(layer.name)], layer)
        run = keras.Model(model.inputs, [of_base[name] for name in chosen])
        tensors = keras.tree.flatten(run(feeds))
    for name, tensor in zip(chosen, tensors, strict=True):
        difference = _difference([walk.tensors[ValueRef(name)]], [tensor])
        if difference is not None and not walk.inexact:
            raise _differs(graph.layer_of(name), difference, [tensor])
    return len(chosen)


def _in_training(graph: Graph) -> set[str]:
    return {node.layer for node in graph.nodes.values() if node.kwargs.get("training")}


def _difference(ours: Sequence[Any], theirs: Sequence[Any]) -> float | None:
    """None where all bits are the same, else the largest difference of two numbers."""
    worst: float | None = None
    for one, other in zip(ours, theirs, strict=True):
        a, b = _array(one), _array(other)
        # by their bytes: a NaN is the same as itself, and 0.0 is not -0.0
        if a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes():
            continue
        if a.shape != b.shape or a.dtype.kind not in "fiub":
            return float("inf")
        gap = np.abs(np.nan_to_num(a.astype("float64")) - np.nan_to_num(b.astype("float64")))
        worst = max(worst or 0.0, float(gap.max(initial=0.0)))
    return worst


def _array(tensor: Any) -> Array:
    if hasattr(tensor, "to_dense") or type(tensor).__name__ == "SparseTensor":
        tensor = keras.ops.convert_to_tensor(tensor, sparse=False)
    if hasattr(tensor, "numpy") and not hasattr(tensor, "detach"):  # torch's refuses a tensor with a gradient
        return np.asarray(tensor.numpy())
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def _differs(spec: LayerSpec, difference: float, theirs: Sequence[Any]) -> SpecError:
    numbers = [array.astype("float64") for each in theirs if (array := _array(each)).dtype.kind in "fiu"]
    largest = max((float(np.abs(array).max(initial=0.0)) for array in numbers), default=0.0)
    return SpecError.single(
        "SC513",
        f"the kept layer `{spec.name}` ({spec.class_name}) computes something else than in the base",
        notes=[f"on the same input its output differs by up to {difference:g}, of numbers up to {largest:g}"],
        help="its class keeps something that neither its variables nor its `get_config` hold: return it from\n"
        "`get_config`, or write it in `save_own_variables` and read it in `load_own_variables`",
    )
