"""The weights of a base that is one layer of a model: each is where the base itself has it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from spec_compiler.backend.models.state import MemoryState
from spec_compiler.backend.weights.memory_weights import MemoryWeights
from spec_compiler.backend.weights.saved_state import restorable
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Place
from spec_compiler.weights.sources import OpenSource, WeightSource
from spec_compiler.weights.state import Array, State, StateInFile
from spec_compiler.weights.stretches import Stretch


@dataclass(frozen=True)
class NestedWeights:
    """The weights of a base by the names that it has as the layer `name`, those inside of it as `name/layer`.

    `places` are where the base has each of the layer's variables, `groups` where Keras's walk through the layer finds
    each of the base's layers.
    """

    name: str
    source: WeightSource
    places: tuple[Place, ...]
    groups: Mapping[str, str]
    fills: frozenset[str] = frozenset()

    @classmethod
    def of(cls, name: str, source: WeightSource, base: Graph, places: tuple[Place, ...]) -> NestedWeights:
        """Those of a base, by its own graph."""
        groups = {layer.stored.group: key for key, layer in base.layers.items() if layer.stored.group is not None}
        return cls(name, source, places, groups)

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Those of the base."""
        return tuple(f"{self.name}/{each}" for each in self.source.unmapped)

    @property
    def unused(self) -> tuple[str, ...]:
        """Those of the base."""
        return self.source.unused

    @property
    def unverified(self) -> tuple[str, ...]:
        """Those of the base."""
        return self.source.unverified

    @contextlib.contextmanager
    def opened(self, places: Collection[Place] | None = None) -> Iterator[OpenSource]:
        """The base's source, ready to be read."""
        with self.source.opened() as opened:
            yield _OpenNested(self, opened)


@dataclass(frozen=True)
class _OpenNested:
    weights: NestedWeights
    source: OpenSource

    def origin(self, place: Place) -> str | None:
        return self.source.origin(self.weights.places[place[1]])

    def read(self, place: Place) -> object:
        return self.source.read(self.weights.places[place[1]])

    def array(self, place: Place) -> Array:
        return self.source.array(self.weights.places[place[1]])

    def stretch(self, place: Place) -> Stretch | None:
        return self.source.stretch(self.weights.places[place[1]])

    def was_read(self, place: Place, checksum: str) -> None:
        self.source.was_read(self.weights.places[place[1]], checksum)

    def state(self, name: str) -> State | StateInFile:
        if name != self.weights.name:
            return self.source.state(name.removeprefix(f"{self.weights.name}/"))
        if isinstance(self.source, MemoryWeights):
            return MemoryState(self.source.model)
        return _WholeState(
            {group: restorable(self.source.state(layer)) for group, layer in self.weights.groups.items()}
        )


@dataclass(frozen=True)
class _WholeState:
    """The state of a whole base, put together from those of its layers, by their groups in Keras's walk."""

    states: Mapping[str, State]

    def wants(self, saveable: object) -> bool:
        return any(each.wants(saveable) for each in self.states.values())

    def restore(self, prefix: str, saveable: object) -> Mapping[str, Array]:
        first, _, rest = prefix.partition("/")
        layer, _, inside = rest.partition("/")
        state = self.states.get(f"{first}/{layer}")
        return state.restore(inside, saveable) if state is not None and state.wants(saveable) else {}

    def values(self) -> Mapping[str, Array]:
        return {}
