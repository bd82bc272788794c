"""A table of position embeddings at another size: resampled over the grid of places, class tokens kept in front.

Places are half-pixel centres, without antialiasing, as `keras.ops.image.resize` and
`torch.nn.functional.interpolate(align_corners=False)` have them. The bicubic kernel is that of Keys with a = -0.5, with
its weights made to sum to 1 at the borders, as Keras has it (torch takes a = -0.75 and repeats the border): R. Keys,
Cubic Convolution Interpolation for Digital Image Processing, 1981, equation 15.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from spec_compiler.adapters.kernel_and_bias import changed, given, variables_of
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter, Array, Preserves, Recipe, Unfit
from spec_compiler.graph.layer_spec import LayerSpec

_TOKENS = (0, 1, 2)  # of class and distillation, in front of the grid
Grid = tuple[int, int]


@dataclass(frozen=True)
class _Resampled(Adapter):
    """`grid` and `old_grid` are the rows and columns of the places; None where they are a square."""

    source: LayerSpec
    grid: Grid | None = None
    old_grid: Grid | None = None

    @property
    def formula(self) -> str:
        """As `Adapter.formula`."""
        return f"{self.strategy} over the grid of places, half-pixel centres, tokens in front as they are"

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """The table of an `Embedding` of positions.

        Raises:
            Unfit: another layer, or rows that are no grid.
        """
        for each in (self.source, layer):
            if each.class_name != "Embedding" or [one.path for one in variables_of(each)] != ["embeddings"]:
                raise Unfit(f"`{each.name}` ({each.class_name}) is no Embedding with its table alone")
        (old, width), (new, other) = (variables_of(each)[0].shape for each in (self.source, layer))
        if width != other:
            raise Unfit(f"its rows have {other:,} numbers, those of `{self.source.name}` have {width:,}")
        tokens, before, after = self._grids(old, new)
        is_bicubic = self.strategy == "bicubic"

        def change(table: Array) -> Array:
            import numpy as np  # a check that adapts nothing is to start without it

            down, along = (_weights(*sizes, is_bicubic) for sizes in zip(before, after, strict=True))
            places = table[tokens:].astype("float64").reshape(*before, width)
            resized = np.einsum("ij,kl,jld->ikd", down, along, places).reshape(-1, width)
            return np.concatenate([table[:tokens], resized.astype(table.dtype)])

        return given((0, changed(self.source, 0, self.formula, change)))

    def _grids(self, old: int, new: int) -> tuple[int, Grid, Grid]:
        """How many tokens stand in front, and the grids of the places behind them."""
        for tokens in range(old + 1) if self.grid or self.old_grid else _TOKENS:
            before = self.old_grid or _square(old - tokens)
            after = self.grid or _square(new - tokens)
            if before and after and math.prod(before) == old - tokens and math.prod(after) == new - tokens:
                return tokens, before, after
        grids = f"{_by(self.old_grid)} and {_by(self.grid)} behind as many tokens"
        help = f"say both as `{self.strategy}: {{old_grid: [rows, columns], grid: [rows, columns]}}`"
        raise Unfit(f"{old:,} and {new:,} rows are not {grids}", help)

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """Nothing but the tokens."""
        return "not", "the function: positions in between are estimated"


@dataclass(frozen=True)
class Bicubic(_Resampled):
    """Cubic convolution."""

    strategy: ClassVar = "bicubic"


@dataclass(frozen=True)
class Bilinear(_Resampled):
    """Straight lines between the places."""

    strategy: ClassVar = "bilinear"


def _square(number: int) -> Grid | None:
    side = math.isqrt(max(number, 0))
    return (side, side) if side and side * side == number else None


def _by(grid: Grid | None) -> str:
    return "a square" if grid is None else f"{grid[0]} x {grid[1]}"


def _weights(old: int, new: int, is_bicubic: bool) -> Array:
    """The weight of each old place, (new, old), at each new one."""
    import numpy as np  # as above

    centres = (np.arange(new) + 0.5) * old / new - 0.5
    x = np.abs(centres[:, None] - np.arange(old))
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    weights = np.where(x <= 1, near, np.where(x < 2, far, 0)) if is_bicubic else np.maximum(1 - x, 0)
    return weights / weights.sum(axis=1, keepdims=True)
