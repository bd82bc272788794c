"""A new layer that puts out what it takes, until it is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter, Preserves, Recipe, Unfit
from spec_compiler.graph.equation import Equation
from spec_compiler.graph.layer_spec import LayerSpec


@dataclass(frozen=True)
class Identity(Adapter):
    """The identity matrix as a kernel, zeros as a bias."""

    strategy: ClassVar = "identity"
    formula: ClassVar = "kernel = I, bias = 0"

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """The kernel and the bias of a `Dense` that is as wide as what it takes.

        Raises:
            Unfit: another layer, or another width.
        """
        import numpy as np  # a check that adapts nothing is to start without it

        kernel, *biases = layer.variables or ()
        if layer.class_name != "Dense" or kernel.shape[0] != kernel.shape[1]:
            raise Unfit("it is not as wide as what it takes")
        made = {0: Recipe((), self.formula, lambda values: np.eye(kernel.shape[0], dtype="float32"))}
        for index, bias in enumerate(biases, 1):
            made[index] = Recipe((), self.formula, _zeros(bias.shape))
        return made

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """The function."""
        return "exact", "the function"

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation:
        """That the layer puts out what it takes."""
        return Equation()


def _zeros(shape: tuple[int, ...]) -> Callable[[object], Any]:
    import numpy as np  # as above

    return lambda values: np.zeros(shape, "float32")
