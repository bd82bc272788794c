"""An embedding for another vocabulary: what it knows of the terms that stay goes with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from spec_compiler.adapters.equations import of_rows
from spec_compiler.adapters.kernel_and_bias import base_of, given, variables_of
from spec_compiler.adapters.picked import Picks, picked, picks_of, some
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter, Preserves, Recipe, Unfit, recipe_of
from spec_compiler.graph.equation import Equation
from spec_compiler.graph.layer_spec import LayerSpec

_AXES = {"embeddings": 0, "reverse_embeddings": 1}  # of the terms; the second of a `ReversibleEmbedding`


@dataclass(frozen=True)
class Rows(Adapter):
    """Rows of the table by the terms that they are of; those of `source` are of `old`, in its order."""

    strategy: ClassVar = "rows"
    judges_arguments: ClassVar = True
    formula: ClassVar = "each row by its name, new rows initialised"

    source: LayerSpec
    old: tuple[str, ...]
    new: tuple[str, ...]

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """The tables of an `Embedding`.

        Raises:
            Unfit: another layer, other numbers of rows, or none that stays.
        """
        sizes = _num_rows(self.source, layer)
        return _tables(self.source, layer, picks_of(self.old, self.new, sizes, "rows", self.source.name), self.formula)

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """The rows that stay."""
        old = set(self.old)
        return "partly", f"the rows that stay {some([name for name in self.new if name in old])}"

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        """That the terms that stay have their rows."""
        places = {name: place for place, name in enumerate(self.old)}
        new = [place for place, name in enumerate(self.new) if name in places]
        name = base_of(self.source)
        return of_rows(name, new, [places[self.new[place]] for place in new]) if name is not None else None


@dataclass(frozen=True)
class FirstRows(Adapter):
    """The table cut, or with new rows behind the old ones."""

    strategy: ClassVar = "first_rows"
    judges_arguments: ClassVar = True
    formula: ClassVar = "the first rows as they are, new rows initialised"

    source: LayerSpec

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """The tables of an `Embedding`.

        Raises:
            Unfit: another layer.
        """
        old, new = _num_rows(self.source, layer)
        return _tables(self.source, layer, [at if at < old else None for at in range(new)], self.formula)

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """The rows that stay."""
        return "partly", f"the first {min(_num_rows(self.source, layer)):,} rows"

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        """That the first integers have their rows."""
        rows, name = range(min(_num_rows(self.source, layer))), base_of(self.source)
        return of_rows(name, rows, rows) if name is not None else None


def _num_rows(source: LayerSpec, layer: LayerSpec) -> tuple[int, int]:
    for each in (source, layer):
        paths = {variable.path for variable in variables_of(each) if variable.is_weight}
        if each.class_name not in ("Embedding", "ReversibleEmbedding") or not paths <= _AXES.keys():
            raise Unfit(f"`{each.name}` ({each.class_name}) is no Embedding with its table alone")
    (old, width), (new, other) = (variables_of(each)[0].shape for each in (source, layer))
    if width != other:
        raise Unfit(f"its rows have {other:,} numbers, those of `{source.name}` have {width:,}")
    return old, new


def _tables(source: LayerSpec, layer: LayerSpec, picks: Picks, formula: str) -> Mapping[int, Recipe]:
    places = {each.path: index for index, each in enumerate(variables_of(source))}
    return given(
        *(
            (at, picked(recipe_of(source, places[each.path]), each.shape, _AXES[each.path], picks, formula))
            for at, each in enumerate(variables_of(layer))
            if each.path in places
        )
    )
