"""What every runtime does: takes arrays by the names of Keras's inputs, and gives arrays in that of its outputs."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np

Array = np.ndarray[Any, Any]


class Runtime(ABC):
    """An artefact that is ready to run.

    `inputs` say what it calls Keras's inputs, `outputs` what it calls its outputs, in Keras's order; `notes` are what a
    user should know of it, and `takes_one` says whether it takes one sample at a time.
    """

    title: ClassVar[str]
    package: ClassVar[str]
    inputs: Mapping[str, str]
    outputs: tuple[str, ...]
    notes: tuple[str, ...] = ()
    takes_one: bool = False

    @property
    def text(self) -> str:
        """It with its version."""
        return f"{self.title} {version(self.package)}"

    @abstractmethod
    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """What it puts out for arrays, which are by what Keras calls its inputs."""

    def run_some(self, feeds: Mapping[str, Array]) -> list[Array]:
        """As `run`, sample by sample where it takes no others."""
        try:
            return self.run(feeds)
        except Exception:  # each runtime has its own kinds
            if len(next(iter(feeds.values()))) == 1:
                raise
            return self.run_one_by_one(feeds)

    def run_one_by_one(self, feeds: Mapping[str, Array]) -> list[Array]:
        """What it puts out for each sample, together."""
        count = len(next(iter(feeds.values())))
        each = [self._run({name: array[at : at + 1] for name, array in feeds.items()}) for at in range(count)]
        return [np.concatenate(outputs) for outputs in zip(*each, strict=True)]

    def _run(self, feeds: Mapping[str, Array]) -> list[Array]:
        return self.run(feeds)

    @abstractmethod
    def inside(self, feeds: Mapping[str, Array]) -> Iterator[Array]:
        """All that flows in it, as far as the runtime shows it, in numbers as Keras has them."""


def by_layer(wanted: Sequence[str], found: Sequence[str]) -> dict[str, str]:
    """What an artefact calls Keras's inputs: by the names where they are Keras's, else by their order.

    An input that nothing takes may be gone there.

    >>> by_layer(["image", "table"], ["serve_table:0", "serve_image:0"])
    {'image': 'serve_image:0', 'table': 'serve_table:0'}
    """
    plain = {re.sub(r"^(serve_|serving_default_)|:\d+$", "", each): each for each in found}
    if len(plain) == len(found) and set(plain) <= set(wanted):
        return {name: plain[name] for name in wanted if name in plain}
    return dict(zip(wanted, found, strict=True))


def outputs_in_order(keys: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
    """The names of an artefact's outputs in Keras's order: by the keys of a mapping, else by their numbers.

    `Identity` is what Keras's functions return; other outputs beside it are none of the model's.

    >>> outputs_in_order([], ["output_10", "output_2"]), outputs_in_order(["x10", "x2"], ["x2", "x10"])
    (('output_2', 'output_10'), ('x10', 'x2'))
    """
    plain = {each.removesuffix(":0"): each for each in found}
    found = [each for each in found if re.fullmatch(r"Identity(_\d+)?:0", each)] or found
    if keys and set(plain) >= set(keys):
        return tuple(plain[each] for each in keys)
    return tuple(sorted(found, key=lambda name: [(int(n or -1), text) for text, n in re.findall(r"(\D+)|(\d+)", name)]))
