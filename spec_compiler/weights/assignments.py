"""What becomes of each variable of a result: copied from the base, made of its values, or begun anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spec_compiler.graph.adapter import Recipe
from spec_compiler.graph.layer_spec import LayerSpec, Place, VariableSpec
from spec_compiler.keras_facts.lora import part_of
from spec_compiler.plan.ledger import LedgerRow, WeightAction
from spec_compiler.weights.checksum import Array
from spec_compiler.weights.sources import OpenSource
from spec_compiler.weights.values import SourceValues


@dataclass(frozen=True)
class Assignment:
    """What one variable of the result gets: a value of the base, what a recipe makes, or what its initializer gives.

    `origin` is where a copied one is in the source. One that the base has a place for is begun anew where the source
    has no value there.
    """

    layer: LayerSpec
    variable: VariableSpec
    index: int
    action: WeightAction
    place: Place | None = None
    origin: str | None = None
    recipe: Recipe | None = None

    def copied(self, before: str, after: str, dtype: np.dtype[Any], into: np.dtype[Any]) -> LedgerRow:
        """The row of a copied one, with the checksums of what was read and of what is in the result."""
        layer = self.layer
        why = "kept layer" if layer.keeps_weights else "new layer, filled by the weight map"
        if layer.wrapped is not None:
            why = f"kept layer, wrapped by `{layer.origin.section}`"
        if layer.remade:
            why = f"{why}, {layer.remade}"
        if dtype != into:
            why = f"{why}, cast from {dtype} to {into}"
        return self._row(
            why, is_new=not layer.keeps_weights, source=self.origin, source_checksum=before, result_checksum=after
        )

    def adapted(self, values: SourceValues, after: str, dtype: np.dtype[Any], into: np.dtype[Any]) -> LedgerRow:
        """The row of one that a recipe made; `values` are those that it read."""
        adapter, recipe = self.layer.adapter, self.recipe
        assert adapter is not None
        assert recipe is not None
        cast = f", cast from {dtype} to {into}" if dtype != into else ""
        places = dict.fromkeys(recipe.sources)
        read = [values.checksums[place] for place in places if place in values.checksums]
        return self._row(
            f"`{adapter.strategy}`, asked for by `{adapter.origin.place}`{cast}",
            is_new=self.layer.is_new,
            formula=recipe.formula,
            source=", ".join(str(values.source.origin(place)) for place in places) or None,
            source_checksum=read[0] if len(read) == len(places) == 1 else None,
            result_checksum=after,
        )

    def initialized(self, after: str | None) -> LedgerRow:
        """The row of one that its initializer began; the state of a random generator, in no file, has no checksum."""
        is_kept = self.place is not None and self.layer.keeps_weights
        is_given = self.place is None and part_of(self.variable.path) is not None  # LoRA beside kept weights
        is_new = is_given or (not is_kept and self.layer.is_new)
        return self._row(self._why_initialized(), is_new=is_new, result_checksum=after)

    def _why_initialized(self) -> str:
        layer, variable = self.layer, self.variable
        if layer.is_new and (self.place is None or layer.wrapped is None):
            return f"new layer, made by `{layer.origin.place}`"
        if not variable.is_weight:
            return "state of a random generator"
        if self.place is None and layer.lora is not None and part_of(variable.path) is not None:
            return f"LoRA, given by `{layer.lora.origin.place}`"
        if self.place is None:
            return f"new arguments, given by `{layer.changed_by.place if layer.changed_by else 'the spec'}`"
        return "the base comes without weights for it"

    def _row(self, reason: str, **what: Any) -> LedgerRow:
        return row_of(self.layer, self.variable, self.action, reason, **what)


def assignments(layer: LayerSpec, source: OpenSource, filled: bool = False) -> Iterator[Assignment]:
    """Those of a layer's variables, in order; `filled` is a new one that the source has weights for."""
    recipes = layer.adapter.recipes(layer) if layer.adapter is not None else {}
    for index, variable in enumerate(layer.variables or ()):
        recipe, place = recipes.get(index), layer.place(index)
        if recipe is not None and all(source.origin(each) is not None for each in recipe.sources):
            yield Assignment(layer, variable, index, "adapted", place, recipe=recipe)
            continue
        takes = place is not None and recipe is None and (layer.keeps_weights or filled)
        origin = source.origin(place) if place is not None and takes else None
        yield Assignment(layer, variable, index, "initialized" if origin is None else "copied", place, origin)


class TransferError(Exception):
    """A weight that did not arrive as it left: a bug of the compiler or of Keras, never a mistake of the user."""


def made_by(assignment: Assignment, values: SourceValues) -> Array:
    """The array that a recipe makes.

    Raises:
        TransferError: one of another shape than the variable's.
    """
    assert assignment.recipe is not None
    array: Array = assignment.recipe.make(values)
    if tuple(array.shape) != assignment.variable.shape:
        name, shape = f"{assignment.layer.name}/{assignment.variable.path}", assignment.variable.shape
        raise TransferError(f"{name} of {shape} was adapted to {array.shape}")
    return array


def row_of(layer: LayerSpec, variable: VariableSpec, action: WeightAction, reason: str, **what: Any) -> LedgerRow:
    """The row of a variable, less what only its value says."""
    return LedgerRow(
        layer=layer.name,
        variable=variable.path,
        action=action,
        reason=reason,
        shape=variable.shape,
        dtype=variable.dtype,
        parameters=variable.num_elements if variable.is_weight else 0,
        **{"is_new": layer.is_new, **what},
    )


def sources_of(layer: LayerSpec) -> Sequence[Place]:
    """The places of the base that the values of an adapted layer are made of."""
    if layer.adapter is None:
        return ()
    return [place for recipe in layer.adapter.recipes(layer).values() for place in recipe.sources]
