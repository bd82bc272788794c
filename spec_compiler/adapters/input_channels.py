"""Values of the layers that read an input which has other channels than the base's.

One idea: a strategy of `input.weights` is a matrix M, (new, old), by which a kernel becomes
K'[…, c, o] = Σᵢ M[c, i] K[…, i, o]. A layer that sums over its channels is linear, at the zeros around an image too, so
that the result on x is the base on x M. What has a number for each channel, as a BatchNormalization has, only allows a
choice of channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from spec_compiler.adapters.equations import mixed
from spec_compiler.adapters.mix import Mix
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter, Array, Preserves, Recipe, Unfit, Values, outgrown, recipe_of
from spec_compiler.graph.equation import Equation
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.unbuilt import unbuilt

_NEUTRAL = {
    "gamma": 1.0,
    "moving_variance": 1.0,
    "variance": 1.0,
    "beta": 0.0,
    "moving_mean": 0.0,
    "mean": 0.0,
    "bias": 0.0,
}


class Run(NamedTuple):
    """A part of an axis: `times` all old channels, each `each` times in a row, from the last one on if `is_turned`.

    Without `each`, `times` indices that stay.
    """

    times: int
    each: int = 0
    is_turned: bool = False

    def size(self, channels: int) -> int:
        """How many indices it has for so many channels."""
        return self.times * self.each * channels if self.each else self.times


class Along(NamedTuple):
    """An axis of a variable along which channels of the input lie; `takes` says whether the layer sums over them."""

    variable: int  # its index in the layer
    axis: int
    takes: bool
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class InputChannels(Adapter):
    """Gives a layer that reads an input's channels values for other channels.

    `before` is the layer for the old ones, `uses` are the axes along which they lie, `promised` what comes of it.
    """

    mix: Mix
    before: LayerSpec
    uses: tuple[Along, ...]
    promised: tuple[Preserves, str]
    axis: int = -1  # of the channels in the model's input

    @property
    def strategy(self) -> str:
        """That of the spec."""
        return self.mix.strategy

    @property
    def layer_before(self) -> LayerSpec:
        """As `Adapter.layer_before`."""
        return self.before

    @property
    def formula(self) -> str:
        """That of a kernel."""
        return self.mix.formula()

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """Those variables along which channels of the input lie, and what was adapted before.

        Raises:
            Unfit: another edit gave the layer variables of another shape; else as `recipe_of` of the layer before.
        """
        made = {**self.earlier.recipes(self.before)} if self.earlier is not None else {}
        for index, shape in self._shapes().items():
            variable, was = (layer.variables or ())[index], recipe_of(self.before, index)
            if variable.shape != shape:
                raise outgrown(variable, shape)
            if was is not None:
                formula = "; ".join(filter(None, (was.formula, self._says(index))))
                made[index] = Recipe(was.sources, formula, self._make(was, index))
        return made

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """That of the strategy."""
        return self.promised

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        """That the result on x is the base on x M."""
        earlier = self.before.adapter
        was = Equation((layer.name_in_base,)) if earlier is None else earlier.tried(self.before, graph)
        if earlier is None and self.before.changed_by is not None:
            return None  # what another edit made of it is not what the base has
        if self.promised != self.mix.promise(is_linear=True):
            return None  # something treats the channels one by one before they are summed
        if self.before.is_new or was is None or was.gives:
            return None
        while earlier is not None and not isinstance(earlier, InputChannels):
            earlier = earlier.earlier
        once_more = earlier is not None and self._reads_nothing_else and earlier._reads_nothing_else
        if (was.takes or was.feeds) and not once_more:
            return None
        matrix = [[row.get(i, 0.0) for i in range(self.mix.old)] for row in self.mix.rows]
        first = self.before.arguments.get("data_format") == "channels_first"
        by_itself = mixed(was.layers, matrix, 1 if first else -1)
        reads = all(use.takes for use in self.uses)
        alone = was.alone and reads and all(use.runs == (Run(1, 1),) for use in self.uses)
        takes = by_itself.before(was).takes if alone else None
        feeds = mixed(was.layers, matrix, self.axis).before(was).feeds
        return replace(was, takes=takes, alone=alone, feeds=feeds, rearranged=not reads)

    @property
    def _reads_nothing_else(self) -> bool:
        """Whether all along those axes is the input's: what was adapted before, so as well, reads the same input."""
        return all(run.each for use in self.uses for run in use.runs)

    def on_new_channels(self) -> LayerSpec:
        """The layer before, its variables in their new shapes, with this adapter."""
        variables = list(self.before.variables or ())
        for index, shape in self._shapes().items():
            variables[index] = replace(variables[index], shape=shape)
        arguments = self.before.arguments
        plain = {key: unbuilt(value) for key, value in arguments.items()}
        layer = self.before if plain == arguments else self.before.with_arguments(plain)
        return replace(layer, variables=tuple(variables), adapter=self)

    def _shapes(self) -> dict[int, tuple[int, ...]]:
        """The shapes of the variables for the new channels, by their indices."""
        shapes: dict[int, tuple[int, ...]] = {}
        for use in self.uses:
            shape = list(shapes.get(use.variable) or (self.before.variables or ())[use.variable].shape)
            shape[use.axis] = sum(run.size(self.mix.new) for run in use.runs)
            shapes[use.variable] = tuple(shape)
        return shapes

    def _neutral(self, index: int) -> float | None:
        return _NEUTRAL.get((self.before.variables or ())[index].path.rpartition("/")[2])

    def _says(self, index: int) -> str:
        takes = all(use.takes for use in self.uses if use.variable == index)
        new = {1.0: "ones", 0.0: "zeros", None: "their mean"}[0.0 if takes else self._neutral(index)]
        return self.mix.formula(new)

    def _make(self, was: Recipe, index: int) -> Callable[[Values], Array]:
        neutral = self._neutral(index)
        uses = [use for use in self.uses if use.variable == index]

        def make(values: Values) -> Array:
            array = was.make(values)
            for use in uses:
                array = _along(array, use, self.mix, neutral)
            return array

        return make


def _along(array: Array, use: Along, mix: Mix, neutral: float | None) -> Array:
    """The array with new channels along one axis; new ones that no old one is are zeros in what is summed over.

    Else they are `neutral`, or where nothing is neutral the mean of the old ones.
    """
    import numpy as np  # a check that adapts nothing is to start without it

    moved = np.moveaxis(np.asarray(array), use.axis, 0)
    parts, at = [], 0
    for run in use.runs:
        old = moved[at : at + run.size(mix.old)]
        at += len(old)
        if not run.each:
            parts.append(old)
            continue
        old = old.reshape(run.times, mix.old, run.each, *moved.shape[1:])
        old = old[:, ::-1] if run.is_turned else old
        made = np.zeros((run.times, mix.new, run.each, *moved.shape[1:]), old.dtype)
        for c, row in enumerate(mix.rows):
            for i, factor in row.items():  # not a product of matrices: what is not asked for may be no number
                made[:, c] += old[:, i] if factor == 1 else old[:, i] * old.dtype.type(factor)
            if not row and not use.takes:
                made[:, c] = old.mean(1) if neutral is None else neutral
        made = made[:, ::-1] if run.is_turned else made
        parts.append(made.reshape(-1, *moved.shape[1:]))
    return np.ascontiguousarray(np.moveaxis(np.concatenate(parts), 0, use.axis))


def laid_out(positions: Any, old: int, in_a_row: bool) -> tuple[Run, ...]:
    """The runs of an axis: `positions` has for each index the channel there, -1 where something else lies.

    `in_a_row` decides for a single channel, whether new ones stand apart, each with all of its places.

    Raises:
        Unfit: an order in which no others can take their place.
    """
    import numpy as np  # as above

    positions = np.asarray(positions)
    cuts = np.flatnonzero(np.diff(positions >= 0)) + 1
    runs: list[Run] = []
    for part in np.split(positions, cuts):
        if part[0] < 0:
            runs.append(Run(len(part)))
            continue
        row = np.flatnonzero(part != part[0])
        each = int(row[0]) if len(row) else len(part) if in_a_row else 1
        is_turned = old > 1 and part[0] != 0
        order = np.arange(old)[::-1] if is_turned else np.arange(old)
        times, rest = divmod(len(part), each * old)
        if rest or (np.tile(np.repeat(order, each), times) != part).any():
            raise Unfit("it takes the input's channels in an order of its own")
        runs.append(Run(times, each, is_turned))
    return tuple(runs)
