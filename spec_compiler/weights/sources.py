"""Where a base's weights and state come from: a file (`files`), several bases, nowhere; a model is the backend's."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, Self

from spec_compiler.graph.layer_spec import Place
from spec_compiler.weights.state import Array, NoState, State, StateInFile
from spec_compiler.weights.stretches import Stretch


class OpenSource(Protocol):
    """Arrays of a base that can be read one by one."""

    def origin(self, place: Place) -> str | None:
        """Where the array of a place is, None where the source has none for it."""

    def read(self, place: Place) -> Any:
        """The values of a place: an array that its reader may keep, or a backend's tensor, which nothing changes."""

    def array(self, place: Place) -> Array:
        """The values of a place as an array, which its reader may not change."""

    def stretch(self, place: Place) -> Stretch | None:
        """Where the bytes of a place are in an open file, just as they are in memory; None where they are not so."""

    def was_read(self, place: Place, checksum: str) -> None:
        """Tells what was read of a place: a source that has not compared the whole file compares this.

        Raises:
            Damaged: it is not what was there before.
        """

    def state(self, name: str) -> State | StateInFile:
        """What a layer of the base, `outer/inner` in a nested model, knows beside its variables."""


class WeightSource(Protocol):
    """Where a base's weights come from."""

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Layers of the base that the source has nothing for."""

    @property
    def unused(self) -> tuple[str, ...]:
        """Entries of the source that no layer of the base takes."""

    @property
    def fills(self) -> frozenset[str]:
        """New layers that the source has weights for."""

    @property
    def unverified(self) -> tuple[str, ...]:
        """Files that have no checksum by which a flipped bit would be found."""

    def opened(self, places: Collection[Place] | None = None) -> AbstractContextManager[OpenSource]:
        """The source, ready to be read; where it is known that no more than some `places` are, of these alone."""


class Complete:
    """What a source that is no file says of itself: it leaves nothing out, and has nothing to spare."""

    unmapped: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    fills: frozenset[str] = frozenset()
    unverified: tuple[str, ...] = ()

    @contextlib.contextmanager
    def opened(self, places: Collection[Place] | None = None) -> Iterator[Self]:
        """Itself: nothing is to be opened."""
        yield self

    def was_read(self, place: Place, checksum: str) -> None:
        """Nothing is to be compared."""


@dataclass(frozen=True)
class NoWeights(Complete):
    """No pretrained weights: every layer is initialised."""

    def origin(self, place: Place) -> str | None:
        """None, for every place."""
        return None

    def read(self, place: Place) -> Any:
        """Never called, as there is no origin."""
        raise LookupError(place)

    def array(self, place: Place) -> Array:
        """As `read`."""
        raise LookupError(place)

    def stretch(self, place: Place) -> None:
        """None."""

    def state(self, name: str) -> State | StateInFile:
        """None."""
        return NoState()


@dataclass(frozen=True)
class JoinedWeights:
    """The weights of several bases, each under its name."""

    sources: Mapping[str, WeightSource]
    whole: frozenset[str] = frozenset()  # bases that are one layer, which has their name
    fills: frozenset[str] = frozenset()

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Those of every base."""
        found = ((name, each) for name, source in self.sources.items() for each in source.unmapped)
        return tuple(each if name in self.whole else f"{name}/{each}" for name, each in found)

    @property
    def unused(self) -> tuple[str, ...]:
        """Those of every base."""
        return tuple(f"{name}/{each}" for name, source in self.sources.items() for each in source.unused)

    @property
    def unverified(self) -> tuple[str, ...]:
        """Those of every base."""
        return tuple(dict.fromkeys(each for source in self.sources.values() for each in source.unverified))

    @contextlib.contextmanager
    def opened(self, places: Collection[Place] | None = None) -> Iterator[_OpenJoined]:
        """Every source, ready to be read."""
        with contextlib.ExitStack() as stack:
            opened = {
                name: stack.enter_context(each.opened(self._inside(name, places)))
                for name, each in self.sources.items()
            }
            yield _OpenJoined(opened, self.whole)

    def _inside(self, base: str, places: Collection[Place] | None) -> list[Place] | None:
        """Those of the places that are in one of the bases, as it calls them."""
        if places is None:
            return None
        own = ((name, index) for name, index in places if name.partition("/")[0] == base)
        return [(name if base in self.whole else name.partition("/")[2], index) for name, index in own]


@dataclass(frozen=True)
class _OpenJoined:
    sources: Mapping[str, OpenSource]
    whole: frozenset[str]

    def origin(self, place: Place) -> str | None:
        source, name = self._within(place[0])
        return source.origin((name, place[1]))

    def read(self, place: Place) -> Any:
        source, name = self._within(place[0])
        return source.read((name, place[1]))

    def array(self, place: Place) -> Array:
        source, name = self._within(place[0])
        return source.array((name, place[1]))

    def stretch(self, place: Place) -> Stretch | None:
        source, name = self._within(place[0])
        return source.stretch((name, place[1]))

    def was_read(self, place: Place, checksum: str) -> None:
        source, name = self._within(place[0])
        source.was_read((name, place[1]), checksum)

    def state(self, name: str) -> State | StateInFile:
        source, within = self._within(name)
        return source.state(within)

    def _within(self, name: str) -> tuple[OpenSource, str]:
        """The source of a layer, and what the layer is called there."""
        base, _, layer = name.partition("/")
        return self.sources[base], name if base in self.whole else layer
