"""That weights which are made of the base's keep what was promised of them: equations, tried on probe inputs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.models.writer import Built
from spec_compiler.backend.weights.base_values import BaseValues, rounded_otherwise
from spec_compiler.backend.weights.double import computing, in_best
from spec_compiler.backend.weights.walking import (
    Array,
    BaseTensors,
    Walk,
    array_of,
    as_it_was,
    layer_of_base,
    same_seeds,
)
from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Contract, contracts
from spec_compiler.graph.equation import Equation
from spec_compiler.graph.layer_spec import LayerSpec, Place
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.graph.standing import Standing, compared, feeds, layers_between
from spec_compiler.plan.contracted import said, whose
from spec_compiler.plan.proof import BOUND, ProvenContract, short


@dataclass
class Contracts:
    """The contracts of a filled model, and what was found of each; the base's graph is under the result's names.

    Of layers that the base's weights leave out, `initialized`, nothing is compared.
    """

    before: Graph
    built: Built
    models: Mapping[str, Any]
    initialized: frozenset[str] = frozenset()
    found: dict[Contract, ProvenContract] = field(init=False)
    equations: dict[str, Equation] = field(init=False)

    def __post_init__(self) -> None:
        self._values = BaseValues(self.models)
        self.found = {each: ProvenContract(each) for each in contracts(self.built.graph)}
        self.equations = {}
        for name, layer in self.built.graph.layers.items():
            if layer.adapter is not None and name not in self.initialized:
                equation = layer.adapter.tried(layer, self.built.graph)
                self.equations |= {name: equation} if equation is not None else {}

    @property
    def proven(self) -> tuple[ProvenContract, ...]:
        """Each contract with what was found."""
        return tuple(self.found.values())

    def compare_layer(self, walk: Walk, node: Node, spec: LayerSpec) -> None:
        """Compares what an adapted layer puts out, on the tensors that it takes, with what its equation names.

        Raises:
            SpecError: SC515, the two differ.
        """
        equation = self.equations.get(spec.name)
        refs = list(dict.fromkeys(node.data_inputs))
        if equation is None or not equation.alone or not refs or (len(refs) > 1 and equation.takes is not None):
            return  # of several tensors only the way from the inputs says what each of them is
        if layers_between(self.before, self.built.graph, equation):
            return  # these stand beside it now
        layer = self.built.layers[spec.name]
        others = [layer_of_base(name, self.models) for name in equation.layers]
        if any(each is None for each in others):
            return
        if len(others) == 1:
            same_seeds(layer, others[0])

        first = node.data_inputs[0]
        x = walk.tensors[first]
        pair = (x, x) if equation.takes is None else equation.takes(self._values, array_of(x))
        if pair is None:
            return
        mine, other = map(keras.ops.convert_to_tensor, pair)

        def run(dtype: str) -> float:
            with (
                computing(dtype, [layer, *others]),
                _without_activation([layer, *others[-1:]], equation.logits),
                self._values.held(self._reference([equation])),
            ):
                one = array_of(walk.call(layer, node, {first: mine})[0])
                another = np.zeros_like(one) if equation.zeros else array_of(_called(walk, node, others, other))
                seen = (one, another) if equation.gives is None else equation.gives(self._values, one, another)
                return _deviation(*seen)

        try:
            deviation, dtype = in_best(run)
        except _NotCalled:
            return
        bound = max(BOUND, 16 * _epsilon(layer))
        self._note([each for each in self.found if spec.name in each.layers], deviation, bound, dtype)
        if not deviation <= bound:
            raise _broken(self._contract_of(spec.name), deviation, f"on the same input the output of `{spec.name}`")

    def compare_run(self, bases: Sequence[BaseTensors], inputs: Mapping[str, Any]) -> None:
        """Compares the last tensors that stand for some of the base with those of the base's own run.

        Raises:
            SpecError: SC515, two of them differ.
        """
        graph, of_base = self.built.graph, self._of_base(bases)
        wanted = {
            ref: each for ref, each in compared(self.before, graph, self.equations).items() if each.tensor in of_base
        }

        def run(dtype: str) -> Mapping[ValueRef, tuple[float, float]]:
            with computing(dtype, [*self.built.layers.values(), *self.models.values()]):
                return self._deviations(wanted, of_base, inputs)

        found, dtype = in_best(run) if wanted else ({}, "")
        for ref, (deviation, bound) in found.items():
            layers = {graph.nodes[call].layer for call in graph.ancestors([ref.node])} & set(self.equations)
            behind = [each for each in self.found if layers.intersection(each.layers)]
            alone = [each for each in behind if self.found[each].deviation is None]  # what no layer alone has shown
            self._note(behind, deviation, bound, dtype, ref.node)
            if not deviation <= bound:
                raise _broken((alone or behind)[0], deviation, f"from the inputs on, the output of `{ref.node}`")

    def _of_base(self, bases: Sequence[BaseTensors]) -> dict[ValueRef, tuple[BaseTensors, Any]]:
        """The base's tensors by the calls of its graph, which may have opened a nested model."""
        tensors = {ValueRef(call): (base, each) for base in bases for call, each in base.by_call.items()}
        if len(bases) == 1:
            ends = zip(self.before.output_refs, bases[0].model.outputs, strict=False)
            tensors = {ref: (bases[0], each) for ref, each in ends} | tensors
        return tensors

    def _deviations(
        self,
        wanted: Mapping[ValueRef, Standing],
        of_base: Mapping[ValueRef, tuple[BaseTensors, Any]],
        inputs: Mapping[str, Any],
    ) -> dict[ValueRef, tuple[float, float]]:
        """For each tensor how far it lies from the base's, and how far it may."""
        walk = Walk(self.built, inputs)
        for _ in walk.calls({ref.node for ref in wanted}):
            pass
        fed = self.fed(inputs)

        def run_base() -> dict[ValueRef, Array]:
            found: dict[ValueRef, Array] = {}
            for base in {id(base): base for base, _ in of_base.values()}.values():
                refs = [ref for ref, each in wanted.items() if of_base[each.tensor][0] is base]
                tensors = base.run([of_base[wanted[ref].tensor][1] for ref in refs], fed, self.built)
                found |= {ref: array_of(each) for ref, each in zip(refs, tensors or (), strict=tensors is not None)}
            return found

        with self._values.held(self._reference(self.equations.values())):
            theirs = run_base()
            found = {
                ref: _deviation(*self._seen(wanted[ref], array_of(walk.tensors[ref]), each))
                for ref, each in theirs.items()
            }
            if all(each <= BOUND for each in found.values()):
                return {ref: (each, BOUND) for ref, each in found.items()}
            # A deep network makes much of little: as much as of other roundings of its own weights is no fault.
            with rounded_otherwise(self.models.values()):
                again = run_base()
        return {ref: (each, max(BOUND, 10 * _deviation(again[ref], theirs[ref]))) for ref, each in found.items()}

    def fed(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """What the base's inputs take, of what the result's take; zeros where nothing that is compared sees it."""
        graph, fed = self.built.graph, {}
        for name, node in self.before.nodes.items():
            if node.inputs or not node.outputs:
                continue
            feed, spec = feeds(name, graph, self.equations) if name in graph.nodes else None, node.outputs[0]
            if feed is not None:
                fed[name] = keras.ops.convert_to_tensor(feed(array_of(inputs[name])))
            elif name in inputs and graph.nodes[name].outputs == node.outputs:
                fed[name] = inputs[name]
            elif None not in spec.shape[1:] and spec.dtype != "string":
                num_examples = len(next(iter(inputs.values())))
                fed[name] = keras.ops.zeros((num_examples, *spec.shape[1:]), spec.dtype)
        return fed

    def _seen(self, standing: Standing, ours: Array, theirs: Array) -> tuple[Array, Array]:
        gives = standing.equation.gives if standing.equation is not None else None
        return (ours, theirs) if gives is None else gives(self._values, ours, theirs)

    def _reference(self, equations: Iterable[Equation]) -> dict[Place, Array]:
        """What variables of the base hold in the model that the result equals, where not the base's values."""
        recipes = {place: recipe for each in equations for place, recipe in each.reference.items()}
        return {place: np.asarray(recipe.make(self._values)) for place, recipe in recipes.items()}

    def _contract_of(self, layer: str) -> Contract:
        return next(each for each in self.found if layer in each.layers)

    def _note(self, whose: Iterable[Contract], deviation: float, bound: float, dtype: str, at: str = "") -> None:
        for each in whose:
            known = self.found[each]
            self.found[each] = replace(
                known,
                deviation=max(known.deviation or 0.0, deviation),
                bound=max(known.bound, bound),
                dtype=dtype if "float32" not in (dtype, known.dtype) else "float32",
                at=(*known.at, at) if at else known.at,
            )


class _NotCalled(Exception):
    """A layer of the base that this device has no kernel for, such as a convolution with the channels first."""


def _called(walk: Walk, node: Node, layers: Sequence[Any], tensor: Any) -> Any:
    """What layers of the base put out, the first called as a node of the result, each on what the one before puts out.

    Raises:
        _NotCalled: one of them cannot be called.
    """
    for number, layer in enumerate(layers):
        try:
            if not number:
                tensor = walk.call(layer, node, {node.data_inputs[0]: tensor})[0]
            else:
                with as_it_was([(layer, False)]):
                    tensor = layer(tensor)
        except Exception as error:
            raise _NotCalled(str(error)) from error
    return tensor


@contextlib.contextmanager
def _without_activation(layers: Iterable[Any], wanted: bool) -> Iterator[None]:
    """Lets layers put out what their activations take."""
    changed = [(each, each.activation) for each in layers if wanted and hasattr(each, "activation")]
    try:
        for layer, _ in changed:
            layer.activation = keras.activations.linear
        yield
    finally:
        for layer, activation in changed:
            layer.activation = activation


def _epsilon(layer: Any) -> float:
    """What the coarsest of a layer's floats rounds by."""
    epsilons = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23}
    return max((epsilons.get(each.dtype, 0.0) for each in layer.weights), default=0.0)


def _deviation(ours: Array, theirs: Array) -> float:
    """The largest difference of two numbers, as a part of the largest number."""
    if ours.shape != theirs.shape or "f" not in (ours.dtype.kind, theirs.dtype.kind):
        return 0.0 if np.array_equal(ours, theirs) else float("inf")
    a, b = (np.nan_to_num(each.astype("float64"), nan=0.0) for each in (ours, theirs))
    if not np.array_equal(np.isnan(ours), np.isnan(theirs)):
        return float("inf")
    largest = float(np.abs(b).max(initial=0.0))
    return float(np.abs(a - b).max(initial=0.0)) / (largest or 1.0)


def _broken(contract: Contract, deviation: float, what: str) -> SpecError:
    return SpecError.single(
        "SC515",
        f"the weights of `{whose(contract)}` do not keep what `{contract.strategy}` promises, {said(contract)}",
        path=contract.origin.path,
        notes=[f"{what} differs by {deviation:.2g} of the largest number in it; up to {short(BOUND)} is rounding"],
        help="leave `weights` out here: the class of a layer computes something else than Keras's own layers do",
    )
