"""What a layer of the base knows beside its plainly stored variables, where it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from spec_compiler.weights.files.store import Store

Array = np.ndarray[Any, Any]


class StateLost(Exception):
    """A layer's state could not be carried over; the text says why."""


class State(Protocol):
    """The state of one layer of the base, where it is kept."""

    def wants(self, saveable: Any) -> bool:
        """Whether a part of the fresh layer needs more than its plainly stored variables."""
        ...

    def restore(self, prefix: str, saveable: Any) -> Mapping[str, Array]:
        """Gives a part of the fresh layer its state; the arrays that were read for it, by their names.

        Raises:
            StateLost: it cannot.
        """
        ...

    def values(self) -> Mapping[str, Array]:
        """The values of the layer's untracked variables; empty where they are not kept."""
        ...


@dataclass(frozen=True)
class NoState:
    """Of a source without state. What is derived from variables is derived anew, as Keras does it for legacy HDF5."""

    def wants(self, saveable: Any) -> bool:
        """Where something is derived from variables."""
        return bool(hasattr(saveable, "finalize_state") and getattr(saveable, "weights", None))

    def restore(self, prefix: str, saveable: Any) -> Mapping[str, Array]:
        """Derives it."""
        saveable.finalize_state()
        return {}

    def values(self) -> Mapping[str, Array]:
        """None."""
        return {}


@dataclass(frozen=True)
class StateInFile:
    """The state of one layer in an open file: its group there. Only Keras can restore it."""

    store: Store
    file: str
    group: str
