"""A new layer that puts out what it takes, until it is trained; one that ends a residual branch adds nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from spec_compiler.adapters.identity_values import Value, identity_values, zero_values
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter, Preserves, Recipe, Unfit
from spec_compiler.graph.added_branch import ends_added_branch
from spec_compiler.graph.equation import Equation
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import Node
from spec_compiler.graph.value_ranges import ANY, Range, activation_of, is_identity, of_zero, value_range


@dataclass(frozen=True)
class Identity(Adapter):
    """A kernel that takes each channel to itself, or what is neutral in other classes.

    `adds` says that the layer ends a residual branch, which is to add zeros; `takes` is the range of its input.
    """

    strategy: ClassVar = "identity"
    judges_arguments: ClassVar = True

    adds: bool = False
    takes: Range = ANY

    @property
    def formula(self) -> str:
        """As `Adapter.formula`."""
        return "zeros, which its branch adds" if self.adds else "each channel to itself"

    def placed(self, layer: LayerSpec, node: Node, graph: Graph) -> Identity:
        """It with what must be known of the graph around a call."""
        if ends_added_branch(node, graph):
            return replace(self, adds=True, takes=ANY)
        is_linear = activation_of(layer) == "linear" or not node.data_inputs
        return replace(self, adds=False, takes=ANY if is_linear else value_range(graph, node.data_inputs[0]))

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """Every variable that says what it puts out.

        Raises:
            Unfit: with no values it puts out what it takes, or zeros.
        """
        values = zero_values(layer) if self.adds else identity_values(layer)
        activation = activation_of(layer)
        if not self._is_kept(layer):
            what = "makes no zeros of zeros" if self.adds else "is not the identity on all that it takes"
            raise Unfit(f"its activation `{activation}` {what}", "leave `activation` out, or put it behind the layer")
        return {index: _recipe(value) for index, value in values.items()}

    def _is_kept(self, layer: LayerSpec) -> bool:
        activation = activation_of(layer)
        return of_zero(activation) if self.adds else is_identity(activation, self.takes)

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """The function, where every call of the layer allows it as the first does."""
        for call in graph.calls[layer.name]:
            here = self.placed(layer, graph.nodes[call], graph)
            if here.adds != self.adds or not here._is_kept(layer):
                return "not", f"its call `{call}` needs other values"
        what = "the function at inference" if layer.class_name == "BatchNormalization" else "the function"
        return "exact", f"{what}: its branch adds zeros" if self.adds else what

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        """That the layer puts out what it takes, or zeros that its branch adds."""
        return Equation(zeros=self.adds) if self.promise(layer, graph)[0] == "exact" else None


def _recipe(value: Value) -> Recipe:
    return Recipe((), value.formula, lambda values: value.make())
