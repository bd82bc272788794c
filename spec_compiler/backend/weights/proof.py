"""That a result computes what its base computes: both run side by side, every kept layer compared bit for bit.

Equal variables are not an equal function: a layer may know more than they hold. So the result is walked call by call on
probe inputs, and wherever a kept layer is called, the base's own layer is called on the very same tensors. What lies
before the first edits is compared with the base's own run as well, and the walk with the model that the user gets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.models.store import parts
from spec_compiler.backend.models.writer import Built
from spec_compiler.backend.weights.contracts import Contracts
from spec_compiler.backend.weights.probes import probes
from spec_compiler.backend.weights.references import Reference
from spec_compiler.backend.weights.walking import (
    BaseTensors,
    Walk,
    array_of,
    as_it_was,
    in_training,
    layer_of_base,
    same_seeds,
)
from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import contracts as promised
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import Node, ValueRef, map_references
from spec_compiler.graph.unchanged import frontier, unchanged_nodes
from spec_compiler.plan.proof import Proof, ProvenContract


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
        SpecError: SC513, a kept layer computes something else; SC515, an adapted one breaks its contract; SC501,
            SC603, SC604 for the images, SC609 where the models cannot be run on what their inputs say.
    """
    if not references:
        unproven = tuple(map(ProvenContract, promised(built.graph)))
        return Proof("the base comes without weights", "", 0, 0, contracts=unproven)
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
        contracts = Contracts(before.under_names_of(built.graph), built, models, initialized)
        comparing = _Comparing(Walk(built, probe.inputs), models, initialized, contracts)
        comparing.run(last)
        _compare_result(built, comparing, ends)
        bases = [BaseTensors.of(built.graph, prefix, model) for prefix, model in models.items()]
        num_tensors = sum(_compare_base(built.graph, base, comparing, last) for base in bases)
        contracts.compare_run(bases, probe.inputs)
        left_out = tuple(name for name in built.layers if name in initialized & comparing.compared)
        num_layers = len(comparing.compared) - len(left_out)
        inexact = tuple(comparing.inexact)
        return Proof(text, probe.text, num_layers, num_tensors, inexact, left_out, contracts.proven)
    specs = [built.graph.spec_of(ref) for ref in built.graph.input_refs]
    help = "give its inputs a size: `input: {shape: …}`"
    if any(spec is not None and len(spec.shape) == 4 for spec in specs):
        help = "name a folder with images: `--probe images/`"
    notes = [f"Keras says: {keras_reason(refused)}" if refused is not None else "they have no inputs"]
    raise SpecError.single(
        "SC609", "the models cannot be run on seeded inputs of their own shapes", notes=notes, help=help
    )


@dataclass
class _Comparing:
    """The result, call by call, with the base's layers beside it."""

    walk: Walk
    bases: Mapping[str, Any]  # models by the prefix of their layers' names
    initialized: frozenset[str]
    contracts: Contracts
    compared: set[str] = field(default_factory=set)
    inexact: list[str] = field(default_factory=list)

    def run(self, kept: Iterable[str]) -> None:
        """Calls every layer; afterwards the walk has the model's outputs, and what the nodes `kept` put out."""
        layers = self.walk.built.layers
        for node, spec, ours in self.walk.calls(kept):
            if spec.adapter is not None:
                self.contracts.compare_layer(self.walk, node, spec)
            elif spec.computes_as_in_base and (other := layer_of_base(spec.name_in_base, self.bases)) is not None:
                same_seeds(layers[node.layer], other)
                self._compare(spec, node, ours, other)

    def _compare(self, spec: LayerSpec, node: Node, ours: Sequence[Any], other: Any) -> None:
        self.compared.add(spec.name)
        if spec.inner is not None and spec.name in self.initialized:
            return  # first values are drawn by a layer's name: inside of a model they are others
        theirs = self.walk.call(other, node)
        difference = _difference(ours, theirs)
        if difference is not None:
            again = _difference(theirs, self.walk.call(other, node))
            if again is None or difference > 10 * max(again, 1e-12):
                raise _differs(spec, difference, theirs)
            self.inexact.append(spec.name)


class ProofError(Exception):
    """The model puts out something else than its own layers do: a bug of the compiler or of Keras."""


def _run(built: Built, inputs: Mapping[str, Any]) -> list[Any]:
    """What the model that the user gets puts out."""
    feeds = map_references(built.graph.inputs, lambda ref: inputs[ref.node])
    training = in_training(built.graph)
    with as_it_was([(layer, name in training) for name, layer in built.layers.items()]):
        return list(keras.tree.flatten(built.model(feeds)))


def _compare_result(built: Built, comparing: _Comparing, ends: Sequence[Any]) -> None:
    """Compares the walk with what the model put out."""
    for ref, end in zip(built.graph.output_refs, ends, strict=True):
        difference = _difference([comparing.walk.tensors[ref]], [end])
        if difference is not None and not comparing.inexact:
            raise ProofError(f"the model's output {ref.node} differs from that of its layers by {difference}")


def _compare_base(graph: Graph, base: BaseTensors, comparing: _Comparing, last: Sequence[str]) -> int:
    """Compares the tensors before the first edits with those of a base's own run; how many there are."""
    walk = comparing.walk
    chosen = [name for name in last if name in base.by_call and graph.layer_of(name).kind != "input"]
    fed = comparing.contracts.fed(walk.inputs)  # an input that another one reads may have other channels now
    tensors = base.run([base.by_call[name] for name in chosen], fed, walk.built)
    if tensors is None:
        return 0
    for name, tensor in zip(chosen, tensors, strict=True):
        difference = _difference([walk.tensors[ValueRef(name)]], [tensor])
        if difference is not None and not comparing.inexact:
            raise _differs(graph.layer_of(name), difference, [tensor])
    return len(chosen)


def _difference(ours: Sequence[Any], theirs: Sequence[Any]) -> float | None:
    """None where all bits are the same, else the largest difference of two numbers."""
    worst: float | None = None
    for one, other in zip(ours, theirs, strict=True):
        a, b = array_of(one), array_of(other)
        # by their bytes: a NaN is the same as itself, and 0.0 is not -0.0
        if a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes():
            continue
        if a.shape != b.shape or a.dtype.kind not in "fiub":
            return float("inf")
        gap = np.abs(np.nan_to_num(a.astype("float64")) - np.nan_to_num(b.astype("float64")))
        worst = max(worst or 0.0, float(gap.max(initial=0.0)))
    return worst


def _differs(spec: LayerSpec, difference: float, theirs: Sequence[Any]) -> SpecError:
    numbers = [array.astype("float64") for each in theirs if (array := array_of(each)).dtype.kind in "fiu"]
    largest = max((float(np.abs(array).max(initial=0.0)) for array in numbers), default=0.0)
    return SpecError.single(
        "SC513",
        f"the kept layer `{spec.name}` ({spec.class_name}) computes something else than in the base",
        notes=[f"on the same input its output differs by up to {difference:g}, of numbers up to {largest:g}"],
        help="its class keeps something that neither its variables nor its `get_config` hold: return it from\n"
        "`get_config`, or write it in `save_own_variables` and read it in `load_own_variables`",
    )
