"""Which channels stay, and how often: those that a spec names, and those that count most by their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from spec_compiler.channels.atoms import LayerPath, Line
from spec_compiler.channels.choice import most_important
from spec_compiler.channels.group import Group
from spec_compiler.channels.groups import Channels, Counts
from spec_compiler.channels.importance import By, importance
from spec_compiler.graph.adapter import Array, Choice, Values, recipe_of
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.opened import inner_indices

Key = tuple[LayerPath, int]  # a variable: its layer by the nested models that it is in, and its index there


@dataclass(frozen=True, eq=False)
class Ranked:
    """Channels of a group of which a number stays, those that count most."""

    group: Group
    roots: tuple[int, ...]
    number: int
    by: By


@dataclass(frozen=True, eq=False)
class Which(Choice):
    """Which channels stay, and how often: `fixed` ones by their roots, and those that values decide.

    `layers` are those of the graph before, by name: what channels count is measured on their values.
    """

    channels: Channels
    layers: Mapping[str, LayerSpec]
    fixed: Mapping[int, int]
    ranked: tuple[Ranked, ...]

    def decide(self, values: Values) -> Counts:
        """The counts."""
        return self._counts(values)

    def places(self, line: Line, values: Values) -> Array:
        """For each index along a line, as it is in the end, the one where its values were."""
        return self.channels.index(line, values.decided(self))

    @cached_property  # asked for by every variable
    def example(self) -> Counts:
        """Counts of the same numbers, the first of each: shapes do not depend on which they are."""
        return self._counts(None)

    def _counts(self, values: Values | None) -> Counts:
        changes = dict(self.fixed)
        for each in self.ranked:
            sizes = self._sizes(each, values) if values is not None else (0.0,) * len(each.roots)
            stay = set(most_important(sizes, each.number))
            changes |= {root: 0 for at, root in enumerate(each.roots) if at not in stay}
        return self.channels.counts(changes)

    def _sizes(self, ranked: Ranked, values: Values) -> tuple[float, ...]:
        """How much each of the channels counts; what a new layer makes, which has no values yet, counts nothing."""
        import numpy as np  # a check that adapts nothing is to start without it

        def read(key: Key) -> Array:
            layer = self.layers[key[0][0]]
            index = flat_index(layer, key[0][1:], key[1])
            recipe = recipe_of(layer, index)
            if recipe is None or not all(map(values.has, recipe.sources)):
                return np.zeros((layer.variables or ())[index].shape, "float32")
            return recipe.make(values)

        seed = "/".join(ranked.group.makers[0])
        return importance(self.channels, ranked.group, ranked.by, read, ranked.roots, seed)


def flat_index(layer: LayerSpec, below: LayerPath, index: int) -> int:
    """The index among a nested model's variables of one that is the `index`-th of a layer inside, at the path `below`.

    Of a layer itself, with an empty path, the index as it is.
    """
    if not below:
        return index
    assert layer.inner is not None
    start = inner_indices(layer, layer.inner)[below[0]].start
    return start + flat_index(layer.inner.layers[below[0]], below[1:], index)


def variable_key(layer: LayerSpec, index: int) -> Key:
    """The layer, by the nested models that it is in, and the index there of one of a layer's variables."""
    if layer.inner is not None:
        for name, indices in inner_indices(layer, layer.inner).items():
            if index in indices:
                path, inside = variable_key(layer.inner.layers[name], index - indices.start)
                return (layer.name, *path), inside
    return (layer.name,), index
