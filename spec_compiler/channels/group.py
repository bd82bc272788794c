"""A group of channels that leave or come together, and why some of it may not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from spec_compiler.channels.atoms import Array, Block, LayerPath, Reason, Use


@dataclass(frozen=True, eq=False)
class Group:
    """Channels that are joined, by an `Add` for example: each leaves or comes by itself, but everywhere at once.

    `channels` are their roots, in the order of the first block: the number by which each is known everywhere. Each
    mapping has the channels for which a reason holds: `pinned` ones stay as they are; without a `mixed` one no masked
    model is equal; `unwidenable` ones have no copies that keep the function; `uneven` ones only if all channels of the
    group have equally many; a `whole` one is several of a layer's own, as the groups of a convolution are.
    """

    number: int
    blocks: tuple[Block, ...]
    channels: Array
    uses: tuple[Use, ...]
    pinned: Mapping[int, Reason]
    mixed: Mapping[int, Reason]
    unwidenable: Mapping[int, Reason]
    uneven: Mapping[int, Reason]
    whole: Mapping[int, Reason]

    @property
    def makers(self) -> tuple[LayerPath, ...]:
        """The layers that make the channels, in the order of the graph; a model's input for its own."""
        return tuple(dict.fromkeys([*(each.layer for each in self.blocks), *self._having("makes")]))

    @property
    def readers(self) -> tuple[LayerPath, ...]:
        """The layers that sum over the channels."""
        return tuple(dict.fromkeys(self._having("takes")))

    @property
    def variables(self) -> tuple[tuple[LayerPath, int], ...]:
        """The variables that the channels lie along, by layer and index."""
        return tuple(dict.fromkeys(use.key for use in self.uses))

    @property
    def unit(self) -> str:
        """What its channels are: `channels`, `heads` of attention, or the `inputs` of the model."""
        return self.blocks[0].unit

    @property
    def free(self) -> Array:
        """The channels that can leave so that a masked model is equal."""
        return self.where(lambda root: root not in self.pinned and root not in self.mixed)

    @property
    def inexact(self) -> Array:
        """The channels that can leave, though no masked model is equal."""
        return self.where(lambda root: root not in self.pinned and root in self.mixed)

    @property
    def widenable(self) -> Array:
        """The channels of which copies keep the function; where some are `uneven`, all of the group at once or none."""
        able = self.where(lambda root: root not in self.pinned and root not in self.unwidenable)
        return able if not self.uneven or len(able) == len(self.channels) else able[:0]

    def where(self, wanted: Callable[[int], bool]) -> Array:
        """Those of its channels that a function of their number chooses, in order."""
        return np.array([root for root in self.channels.tolist() if wanted(root)], dtype=np.intp)

    def _having(self, role: str) -> Iterable[LayerPath]:
        return (use.layer for use in self.uses if use.role == role)


@dataclass(frozen=True, eq=False)
class InputUse:
    """A use of the channels of a model's input: `positions` says for each index along the axis which of them it is.

    It is -1 where other channels lie, as behind a Concatenate; the same tensor twice gives the same numbers twice.
    """

    use: Use
    positions: Array
