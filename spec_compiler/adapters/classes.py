"""A head for other classes: what it knows of those that stay goes with their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from spec_compiler.adapters.equations import of_classes
from spec_compiler.adapters.kernel_and_bias import (
    CONVOLUTION,
    base_of,
    bias_of,
    given,
    is_channels_first,
    kernel_and_bias,
    variables_of,
)
from spec_compiler.adapters.picked import picked, picks_of, some
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter, Preserves, Recipe, Unfit, recipe_of
from spec_compiler.graph.equation import Equation
from spec_compiler.graph.layer_spec import LayerSpec


@dataclass(frozen=True)
class Classes(Adapter):
    """Columns of the kernel and numbers of the bias by the names of classes; `source` puts out the `old` ones."""

    strategy: ClassVar = "classes"
    judges_arguments: ClassVar = True  # of the logits alone
    formula: ClassVar = "the values of each class by its name, new classes initialised"

    source: LayerSpec
    old: tuple[str, ...]
    new: tuple[str, ...]

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """The kernel and the bias of a `Dense`, or of a convolution with a kernel of one place.

        Raises:
            Unfit: another layer, other numbers of classes, or none that stays.
        """
        for each in (self.source, layer):
            if each.class_name != "Dense" and not CONVOLUTION.fullmatch(each.class_name):
                raise Unfit(f"`{each.name}` ({each.class_name}) is neither a Dense nor a convolution")
        (of, _), (at, bias) = kernel_and_bias(self.source), kernel_and_bias(layer)
        theirs, ours = variables_of(self.source)[of].shape, variables_of(layer)[at].shape
        if theirs[:-1] != ours[:-1]:
            raise Unfit(f"its kernel {ours} is of another size than {theirs} of `{self.source.name}`")
        if any(size != 1 for size in ours[:-2]):
            raise Unfit(f"its kernel {ours} is of more than one place", "a head has `kernel_size: 1`")
        picks = picks_of(self.old, self.new, (theirs[-1], ours[-1]), "classes", self.source.name)
        return given(
            (at, picked(recipe_of(self.source, of), ours, -1, picks, self.formula)),
            (bias, picked(bias_of(self.source), ours[-1:], -1, picks, self.formula)),
        )

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """The logits of the classes that stay."""
        if kernel_and_bias(self.source)[1] is not None and kernel_and_bias(layer)[1] is None:
            return "not", "the logits: the bias has no place"
        old = set(self.old)
        return "partly", f"the logits of the classes that stay {some([name for name in self.new if name in old])}"

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        """That the logits of the classes that stay are those of the base."""
        is_first = any(
            CONVOLUTION.fullmatch(each.class_name) and is_channels_first(each) for each in (self.source, layer)
        )
        name = base_of(self.source)
        if name is None or is_first or self.promise(layer, graph)[0] == "not":
            return None
        places = {name: place for place, name in enumerate(self.old)}
        new = [place for place, name in enumerate(self.new) if name in places]
        return of_classes(name, new, [places[self.new[place]] for place in new])
