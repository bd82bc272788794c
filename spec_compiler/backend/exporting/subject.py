"""A model that is exported, with what is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.models.reader import node_tensors, read_graph
from spec_compiler.backend.models.store import parts
from spec_compiler.backend.weights.probes import Probes, probes
from spec_compiler.backend.weights.walking import array_of, as_it_was
from spec_compiler.diagnostics import Path
from spec_compiler.graph import Graph
from spec_compiler.graph.node import ValueRef, map_references

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Subject:
    """A Keras model and its graph; `causes` are the places in the spec of the edits that made its layers, by name."""

    model: Any
    graph: Graph
    causes: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Any, causes: Mapping[str, Path] | None = None) -> Subject:
        """A model as it is.

        Raises:
            SpecError: SC304 for a model whose graph Keras does not know.
        """
        return cls(model, read_graph(model), causes or {})

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its inputs, in the order in which Keras flattens them."""
        return tuple(ref.node for ref in self.graph.input_refs)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """The names of its outputs, in the order in which Keras flattens them; no two are the same."""
        names = [self.graph.layer_of(ref.node).name for ref in self.graph.output_refs]
        return tuple(name if names.count(name) == 1 else f"{name}.{index}" for index, name in enumerate(names))

    @property
    def one_sample(self) -> Any:
        """The signature of the model for one sample at a time; None where its batch is of a fixed size anyway."""
        inputs = {ref.node: tensor for ref, tensor in zip(self.graph.input_refs, self.model.inputs, strict=True)}
        if any(tensor.shape[0] is not None for tensor in inputs.values()):
            return None

        def spec(ref: ValueRef) -> Any:
            tensor = inputs[ref.node]
            return keras.InputSpec(shape=(1, *tensor.shape[1:]), dtype=str(tensor.dtype), name=ref.node)

        return [map_references(self.graph.inputs, spec)]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its outputs, in the order in which Keras flattens them; nothing where they are no mapping."""
        outputs = self.graph.outputs
        return tuple(sorted(map(str, outputs))) if isinstance(outputs, Mapping) else ()

    @property
    def half(self) -> str | None:
        """The type of 16 bits that layers of it compute in; None where none does."""
        types = {str(getattr(each, "compute_dtype", "")) for each in parts(self.model)}
        return next((each for each in ("bfloat16", "float16") if each in types), None)

    @cached_property
    def tensors(self) -> Mapping[ValueRef, Any]:
        """Its symbolic tensors."""
        return node_tensors(self.model)

    def run(self, arrays: Mapping[str, Any]) -> list[Array]:
        """What Keras puts out for arrays by the names of the inputs; nothing changes in the model."""
        feeds = {name: keras.ops.convert_to_tensor(arrays[name]) for name in self.inputs}
        with as_it_was([(layer, False) for layer in self.model.layers]):
            found = self.model(map_references(self.graph.inputs, lambda ref: feeds[ref.node]))
            return [array_of(each) for each in keras.tree.flatten(found)]

    def probes(self, folder: str | None = None) -> list[Probes]:
        """Inputs that it may be tried on, one of which serves."""
        return list(probes(self.graph, parts(self.model), folder))

    def up_to(self, refs: Sequence[ValueRef]) -> Subject:
        """The same model with other outputs, of tensors inside of it, and no inputs but those that they depend on."""
        needed = self.graph.ancestors([ref.node for ref in refs])
        inputs = [self.tensors[ref] for ref in self.graph.input_refs if ref.node in needed]
        outputs = [self.tensors[ref] for ref in refs]
        model = keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs, name=self.model.name)
        return Subject.of(model, self.causes)
