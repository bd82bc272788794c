"""A new layer with the values of another: variables of the same meaning, as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from spec_compiler.adapters.kernel_and_bias import base_of, variables_of
from spec_compiler.diagnostics import quoted
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter, Preserves, Recipe, Unfit, recipe_of
from spec_compiler.graph.equation import Equation
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.variable_names import continued

_NO_FUNCTION = ("name", "trainable", "seed")  # arguments that say nothing of what a layer computes
_SAME = {"scale": "gamma"}  # `RMSNormalization` calls it so


@dataclass(frozen=True)
class Like(Adapter):
    """The variables of `source` with the same name and shape."""

    strategy: ClassVar = "of"
    judges_arguments: ClassVar = True
    formula: ClassVar = "variables of the same meaning and shape, as they are"

    source: LayerSpec

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """Each variable that the source has as well.

        Raises:
            Unfit: there is none.
        """
        pairs = self._pairs(layer)
        if not pairs:
            theirs, ours = (
                ", ".join(f"{each.path} {each.shape}" for each in variables if each.is_weight) or "none"
                for variables in (variables_of(self.source), layer.variables or ())
            )
            help = "a layer of another shape takes `reshape`, `classes` or `rows` beside `of`"
            raise Unfit(f"none of its variables, {ours}, is one of `{self.source.name}`: {theirs}", help)
        made = {at: recipe_of(self.source, index) for at, index in pairs.items()}
        return {at: Recipe(was.sources, "as it is", was.make) for at, was in made.items() if was is not None}

    def _pairs(self, layer: LayerSpec) -> dict[int, int]:
        """For each variable of the layer that goes over the index of the source's."""
        old, new = variables_of(self.source), layer.variables or ()
        names = [[_SAME.get(each.path, each.path) for each in variables] for variables in (old, new)]
        return {
            at: index
            for at, index in enumerate(continued(names[0], names[1], False))
            if index is not None and new[at].is_weight and old[index].shape == new[at].shape
        }

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """The function, of a layer of the same class and arguments whose variables all go over."""
        pairs, old, new = self._pairs(layer), variables_of(self.source), layer.variables or ()
        left = [each.path for index, each in enumerate(old) if each.is_weight and index not in pairs.values()]
        fresh = [each.path for at, each in enumerate(new) if each.is_weight and at not in pairs]
        reasons = []
        if layer.class_name != self.source.class_name:
            reasons.append(f"another class than `{self.source.class_name}`")
        elif others := self._other_arguments(layer):
            reasons.append(f"another {quoted(others)}")
        reasons += [f"without the old {quoted(left)}"] if left else []
        reasons += [f"with a fresh {quoted(fresh)}"] if fresh else []
        return ("not", f"the function: {'; '.join(reasons)}") if reasons else ("exact", "the function")

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        """That the layer puts out what its source does on what it takes."""
        name = base_of(self.source)
        return Equation((name,)) if name is not None and self.promise(layer, graph)[0] == "exact" else None

    def _other_arguments(self, layer: LayerSpec) -> list[str]:
        """The arguments that decide what a layer computes, as far as they are others."""
        ours, theirs = layer.arguments, {**self.source.arguments, **self.source.changed}

        def plain(value: object) -> object:
            return [*value] if isinstance(value, list | tuple) else value

        return [
            key
            for key, value in ours.items()
            if key in theirs
            and key not in _NO_FUNCTION
            and not key.endswith(("dtype", "_initializer", "_regularizer", "_constraint"))
            and plain(value) != plain(theirs[key])
        ]
