"""A kernel in the middle of a larger one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter, Preserves, Recipe, Unfit, recipe_of
from spec_compiler.graph.equation import Equation
from spec_compiler.graph.layer_spec import LayerSpec


@dataclass(frozen=True)
class Centre(Adapter):
    """Zeros around the old kernel.

    `before` is the layer before its arguments changed.
    """

    strategy: ClassVar = "centre"
    formula: ClassVar = "zeros around the old kernel"

    before: LayerSpec

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """The kernel, where its shape is another.

        Raises:
            Unfit: a kernel that is smaller than the old one.
        """
        old, new = (self.before.variables or ())[0], (layer.variables or ())[0]
        if old.shape == new.shape:
            return {}
        if any(a > b for a, b in zip(old.shape, new.shape, strict=True)):
            raise Unfit("the new kernel is smaller than the old one")
        was = recipe_of(self.before, 0)
        if was is None:
            return {}
        around = [((b - a) // 2, b - a - (b - a) // 2) for a, b in zip(old.shape, new.shape, strict=True)]

        def make(values: object) -> object:
            import numpy as np  # a check that adapts nothing is to start without it

            return np.pad(was.make(values), around)  # type: ignore[arg-type]

        return {0: Recipe(was.sources, self.formula, make)}

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """The function."""
        return "exact", "the function"

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        """That the layer does what it did before."""
        if self.before.adapter is not None:
            return self.before.adapter.equation(layer, graph)
        return Equation((layer.name_in_base,)) if self.promise(layer, graph)[0] == "exact" else None
